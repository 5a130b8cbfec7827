# Each node's threads get memory of their own node, and a node named is a node got.
status=0
buddy local_memory || status=1
buddy named_node || status=1
exit $status
