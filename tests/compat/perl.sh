#!/bin/bash
# perl.sh LIBRARY - perl: hashes, strings, regular expressions, closures, sorting, fork
. "$(dirname "$0")/lib.sh"

need perl perl
export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0

assert_loaded perl perl -
alike workload perl "$programs/workload.pl" "$(scaled 30000)"
