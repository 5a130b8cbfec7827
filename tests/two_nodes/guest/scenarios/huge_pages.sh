# Where the system's setting is `always`, a small heap stays on small pages, large blocks get huge
# ones, and the option has the last word.
thp=/sys/kernel/mm/transparent_hugepage
echo always >$thp/enabled
# The kernel's daemon that joins small pages is made to hurry, and is waited for.
echo 4096000 >$thp/khugepaged/pages_to_scan
echo 10 >$thp/khugepaged/scan_sleep_millisecs
echo 10 >$thp/khugepaged/alloc_sleep_millisecs

status=0
buddy huge_pages heap none || status=1
buddy huge_pages block some || status=1
BUDDY_OPTIONS=hugepages=never buddy huge_pages block none || status=1
exit $status
