# A process whose memory policy says where memory lies gets it there, whoever asks.
status=0
buddy numactl --interleave=0,1 spread 0,1 || status=1
buddy numactl --preferred=1 spread 1 || status=1
exit $status
