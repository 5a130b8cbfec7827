# A seccomp filter that ends a program for placing memory, as in the files of many services: there
# before the program, and entered by the program itself.
status=0
buddy filtered local_memory || status=1
buddy filtered || status=1
exit $status
