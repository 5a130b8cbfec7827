#!/bin/bash
# node.sh LIBRARY - node: workers, buffers, JSON, zlib, crypto and streams on its thread pool
. "$(dirname "$0")/lib.sh"

need node nodejs

assert_loaded node node -
alike workload node "$programs/workload.js" "$(scaled 1)"
