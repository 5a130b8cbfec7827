"""Work spread over forked processes by a parent whose threads churn memory meanwhile."""

import hashlib
import multiprocessing
import multiprocessing.shared_memory
import os
import sys
import threading

ROUNDS = int(sys.argv[1])


def churn(stop):
    """Keep the allocator busy, so that forks find it in the middle of something."""
    kept = []
    size = 1
    while not stop.is_set():
        size = size * 16807 % 2147483647
        kept.append(bytearray(size % 40000))
        if len(kept) > 200:
            del kept[::2]


def digest(seed):
    pieces = {}
    for i in range(2000):
        seed = seed * 16807 % 2147483647
        pieces[i % 300] = str(seed) * (seed % 50)
    return hashlib.sha256("".join(pieces[i] for i in range(300)).encode()).hexdigest()


def grandchild(queue, seed):
    """A fork of a fork that starts a thread of its own."""
    answer = []
    thread = threading.Thread(target=lambda: answer.append(digest(seed)))
    thread.start()
    thread.join()
    queue.put((seed, answer[0]))


def child(queue, seed):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=grandchild, args=(queue, seed))
    process.start()
    process.join()
    sys.exit(process.exitcode)


def main():
    context = multiprocessing.get_context("fork")
    stop = threading.Event()
    threads = [threading.Thread(target=churn, args=(stop,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(ROUNDS):
            with context.Pool(4) as pool:
                for line in pool.map(digest, range(round_ * 50 + 1, round_ * 50 + 51), 5):
                    print(line)

            queue = context.Queue()
            family = [context.Process(target=child, args=(queue, seed)) for seed in range(1, 9)]
            for process in family:
                process.start()
            for seed, line in sorted(queue.get() for _ in family):
                print(seed, line)
            for process in family:
                process.join()
            print("exit codes", [process.exitcode for process in family])

            memory = multiprocessing.shared_memory.SharedMemory(create=True, size=1 << 20)
            memory.buf[:] = bytes(range(256)) * 4096
            print(hashlib.sha256(memory.buf).hexdigest())
            memory.close()
            memory.unlink()

            # A child by the bare system call, that ends without any clean-up.
            pid = os.fork()
            if pid == 0:
                os._exit(len(digest(99)) % 256)
            print("bare fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


main()
