# A program that ends while the background thread asks for the topology ends well: nothing is torn
# down under that thread, and a child of fork waits for nobody.
mkdir /tmp/slow
cp /lib/libbuddy.so /tmp/slow/libbuddy.so
cp /lib/slow_module.so /tmp/slow/libbuddy-topology.so

status=0
for who in parent child; do
	rm -f /tmp/loading /tmp/release
	LD_PRELOAD=/tmp/slow/libbuddy.so exit_early $who || status=1
done
exit $status
