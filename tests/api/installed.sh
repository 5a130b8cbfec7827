#!/bin/sh
#
# installed.sh - what is installed: both libraries, every header, a version that agrees
here=$(dirname "$0")
. "$here/install.sh"

problems=0
problem()
{
	echo "$*" >&2
	problems=$((problems + 1))
}

[ -L "$lib/libbuddy.so" ] || problem "no link libbuddy.so to build with"
[ -f "$lib/libbuddy.so.0" ] || problem "no libbuddy.so.0"
[ -f "$lib/libbuddy.a" ] || problem "no libbuddy.a"
(cd "$here/../../include/buddy" && ls ./*.h) >"$scratch/ours"
(cd "$include/buddy" && ls ./*.h) >"$scratch/installed"
diff -u "$scratch/ours" "$scratch/installed" >&2 || problem "headers differ"

cat >"$scratch/version.c" <<'END'
#include <buddy/buddy.h>
#include <stdio.h>
int main(void)
{
	printf("%d.%d %s\n", BUDDY_VERSION_MAJOR, BUDDY_VERSION_MINOR, buddy_version());
}
END
gcc "$scratch/version.c" $(pkg-config --cflags --libs libbuddy) -o "$scratch/version"
LD_LIBRARY_PATH=$lib "$scratch/version" >"$scratch/version.out"
read -r macros function <"$scratch/version.out"
[ "$macros" = "$function" ] || problem "headers of $macros, library of $function"
case $(pkg-config --modversion libbuddy) in
"$macros".*) ;;
*) problem "libbuddy.pc is of $(pkg-config --modversion libbuddy), headers of $macros" ;;
esac

# The archive replaces malloc of the program that it is linked into.
if [ -f "$lib/libbuddy.a" ]; then
	gcc "$here/example.c" $(pkg-config --cflags libbuddy) "$lib/libbuddy.a" -pthread \
		-o "$scratch/static" || problem "example.c does not link with libbuddy.a"
	"$scratch/static" | diff -u "$here/example.expected" - >&2 ||
		problem "example.c fails with libbuddy.a"
fi
# It does so whichever linker there is, without a word of warning, and with the fast path.
cat >"$scratch/hits.c" <<'END'
#include <buddy/buddy.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	struct buddy_stats stats;

	for (int i = 0; i < 100000; i++) {
		void *volatile p = malloc(40);

		free(p);
	}
	buddy_stats(&stats);
	puts(stats.slow_allocs < 1000 ? "fast" : "slow");
}
END
gcc "$scratch/hits.c" $(pkg-config --cflags --libs libbuddy) -o "$scratch/hits"
LD_LIBRARY_PATH=$lib "$scratch/hits" >"$scratch/hits.expected"
echo 'int main(void) { return 0; }' >"$scratch/empty.c"
for linker in bfd gold lld mold; do
	for kind in -pie -no-pie -static -static-pie; do
		set -- -fPIE $kind "-fuse-ld=$linker" -Wl,--fatal-warnings
		gcc "$scratch/empty.c" "$@" -o "$scratch/empty" 2>"$scratch/log" || {
			echo "without $linker $kind, which does not link an empty program" >&2
			continue
		}
		gcc "$scratch/hits.c" $(pkg-config --cflags libbuddy) "$lib/libbuddy.a" "$@" \
			-o "$scratch/hits" || {
			problem "hits.c does not link with libbuddy.a, $linker $kind"
			continue
		}
		"$scratch/hits" | diff "$scratch/hits.expected" - >&2 ||
			problem "no fast path, or no malloc, with libbuddy.a, $linker $kind"
	done
done
# A static program with it has all that the runtime of Fortran calls where there may be threads.
{
	printf '#include <%s.h>\n' pthread stdio stdlib
	set -- cond_broadcast cond_destroy cond_init cond_signal cond_wait create exit \
		getschedparam getspecific join key_create key_delete mutex_destroy mutex_init \
		mutex_trylock once self setschedparam setspecific
	printf '#pragma weak pthread_%s\n' "$@"
	echo 'int main(void) { free(malloc(1)); if (!pthread_key_create) return 0;'
	for name; do
		echo "if (!pthread_$name) puts(\"pthread_$name is missing\");"
	done
	echo 'return 0; }'
} >"$scratch/weak.c"
if gcc -static "$scratch/empty.c" -o "$scratch/empty" 2>"$scratch/log"; then
	gcc -static "$scratch/weak.c" "$lib/libbuddy.a" -o "$scratch/weak"
	missing=$("$scratch/weak")
	[ -z "$missing" ] || problem "$missing"
fi
[ "$problems" -eq 0 ]
