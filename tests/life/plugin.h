/*
 * plugin.h - a library that dlopen_plugin loads and unloads again and again
 */
#ifndef BUDDY_TESTS_PLUGIN_H
#define BUDDY_TESTS_PLUGIN_H

enum { PLUGIN_BYTES = 3000 };

/* A block of PLUGIN_BYTES, all of @value; the caller owns it. */
char *plugin_block(int value);

#endif
