# A process started with a memory policy that binds it to node 1 gets nothing from node 0.
buddy numactl --membind=1 allowed_nodes 1
