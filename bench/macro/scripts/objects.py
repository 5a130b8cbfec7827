"""A python3 workload: parse and write json, fill dictionaries, build and drop objects.

Prints digests only; the output is the same in every run.
"""

import hashlib
import json


class Random:
    """A small generator of our own, the same in every version of the language."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % bound


class Node:
    def __init__(self, key, text):
        self.key = key
        self.text = text
        self.left = None
        self.right = None


def records(random, count):
    return [{
        "id": i,
        "name": "user-%d" % random.below(1000000),
        "tags": ["tag%d" % random.below(500) for _ in range(random.below(8))],
        "scores": [random.below(10000) / 7 for _ in range(random.below(6))],
        "nested": {"a": {"b": "x" * random.below(60)}, "c": None, "d": random.below(2) == 0},
    } for i in range(count)]


def through_json(random):
    digest = hashlib.sha256()
    for _ in range(4):
        text = json.dumps(records(random, 6000), sort_keys=True)
        again = json.loads(text)
        digest.update(json.dumps(again[::-1], indent=1).encode())
    return digest.hexdigest()


def through_dictionaries(random):
    index = {}
    for _ in range(300000):
        word = "w%d" % random.below(40000)
        index.setdefault(word, []).append(random.below(100))
        if random.below(50) == 0:
            index.pop(word)
    total = sum(len(key) * sum(values) for key, values in index.items())
    return "%d %d" % (len(index), total)


def insert(root, key, text):
    while True:
        if key == root.key:
            root.text = text
            return
        side = "left" if key < root.key else "right"
        child = getattr(root, side)
        if child is None:
            setattr(root, side, Node(key, text))
            return
        root = child


def through_objects(random):
    total = 0
    for _ in range(3):
        root = Node(1 << 30, "root")
        for _ in range(25000):
            key = random.below(1 << 31)
            insert(root, key, str(key) * (1 + key % 5))
        stack = [root]
        while stack:
            node = stack.pop()
            total += len(node.text)
            stack += [child for child in (node.left, node.right) if child is not None]
    return str(total)


if __name__ == "__main__":
    generator = Random(2024)
    print("json", through_json(generator))
    print("dictionaries", through_dictionaries(generator))
    print("objects", through_objects(generator))
