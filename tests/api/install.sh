# install.sh - libbuddy as its user gets it: installed somewhere, found through pkg-config
#
# Sourced with the build folder and the meson command as arguments.  Sets $scratch (removed at
# the end), $lib and $include, and makes pkg-config look there and nowhere else.
set -eu

build=$1
meson=$2

skip()
{
	echo "skipped: $*"
	exit 77
}

fail()
{
	echo "$0: $*" >&2
	exit 1
}

command -v pkg-config >/dev/null || skip "pkg-config is not installed"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What the test depends on is built; building more is not this script's affair.
"$meson" install -C "$build" --no-rebuild --quiet --destdir "$scratch/root" >"$scratch/log" ||
	fail "meson install: $(cat "$scratch/log")"
pc=$(find "$scratch/root" -name libbuddy.pc)
[ -n "$pc" ] || fail "no libbuddy.pc is installed"
export PKG_CONFIG_LIBDIR=${pc%/*}
export PKG_CONFIG_SYSROOT_DIR=$scratch/root
lib=${pc%/pkgconfig/*}
include=$(pkg-config --variable=includedir libbuddy)
case $include in
"$scratch"/*) ;;
*) include=$scratch/root$include ;;
esac

compilers()
{
	for cc in gcc clang; do
		if command -v "$cc" >/dev/null; then
			echo "$cc"
		else
			echo "without $cc, which is not installed" >&2
		fi
	done
}
