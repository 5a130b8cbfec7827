/* SPDX-License-Identifier: MIT */
/*
 * test_platform.c - src/platform/linux by itself, on the machine that this runs on
 */
#include "base/compiler.h"
#include "platform/os.h"
#include "platform/vm.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#define PAGES 3000 /* not a round number, of nothing */

static void a_place_that_is_taken_is_not_mapped_over(void **state)
{
	char *p = vm_map(2 * OS_PAGE);

	(void)state;
	assert_non_null(p);
	p[OS_PAGE] = 1;
	assert_int_equal(vm_map_at(p, 2 * OS_PAGE), -EEXIST);
	assert_int_equal(p[OS_PAGE], 1);
	vm_unmap(p, OS_PAGE);
	assert_int_equal(vm_map_at(p, 2 * OS_PAGE), -EEXIST);
	assert_int_equal(vm_map_at(p, OS_PAGE), 0);
	vm_unmap(p, 2 * OS_PAGE);
}

static void what_is_discarded_reads_as_zero(void **state)
{
	char *p = vm_map(PAGES * OS_PAGE);

	(void)state;
	memset(p, 1, PAGES * OS_PAGE);
	errno = 4711;
	assert_int_equal(vm_discard(p, PAGES * OS_PAGE), 0);
	assert_int_equal(errno, 4711);
	for (size_t i = 0; i < PAGES * OS_PAGE; i += 512)
		assert_int_equal(p[i], 0);
	vm_unmap(p, PAGES * OS_PAGE);
}

static void what_is_locked_is_not_discarded(void **state)
{
	char *p = vm_map(3 * OS_PAGE);

	(void)state;
	memset(p, 1, 3 * OS_PAGE);
	if (mlock(p + OS_PAGE, OS_PAGE))
		skip();
	errno = 4711;
	assert_int_equal(vm_discard(p, 3 * OS_PAGE), -EINVAL);
	assert_int_equal(errno, 4711);
	assert_int_equal(p[OS_PAGE], 1);
	assert_int_equal(vm_discard(p, OS_PAGE), 0);
	assert_int_equal(p[0], 0);
	vm_unmap(p, 3 * OS_PAGE);
}

static void resident_pages_are_those_that_were_touched(void **state)
{
	char *p = vm_map(PAGES * OS_PAGE);

	(void)state;
	vm_advise_huge(p, PAGES * OS_PAGE, false);
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), 0);
	p[1023 * OS_PAGE] = p[1024 * OS_PAGE] = p[(PAGES - 1) * OS_PAGE] = 1;
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), 3);
	vm_unmap(p + 2000 * OS_PAGE, OS_PAGE);
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), -ENOMEM);
	vm_unmap(p, PAGES * OS_PAGE);
}

static void without_a_file_descriptor_the_memory_limit_cannot_be_told(void **state)
{
	struct rlimit limit, none;
	u64 bytes, room;
	int told;

	(void)state;
	assert_int_equal(os_memory_room(&bytes, &room), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	told = os_memory_room(&bytes, &room);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(told, -EMFILE);
	assert_int_equal(os_memory_room(&bytes, &room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_that_is_taken_is_not_mapped_over),
		cmocka_unit_test(what_is_discarded_reads_as_zero),
		cmocka_unit_test(what_is_locked_is_not_discarded),
		cmocka_unit_test(resident_pages_are_those_that_were_touched),
		cmocka_unit_test(without_a_file_descriptor_the_memory_limit_cannot_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
