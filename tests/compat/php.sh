#!/bin/bash
# php.sh LIBRARY - php: arrays, strings, json, regular expressions, objects and its extensions
#
# Its extensions are loaded with RTLD_DEEPBIND (src/malloc/dlopen.c).
. "$(dirname "$0")/lib.sh"

need php php-cli

assert_loaded 'php*' php
alike modules php -m
alike workload php "$programs/workload.php" "$(scaled 100000)"
alike own_pools_off env USE_ZEND_ALLOC=0 php "$programs/workload.php" "$(scaled 20000)"
