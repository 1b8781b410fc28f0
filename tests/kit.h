/* What every unit test includes first: cmocka with its headers in the right order. */
#ifndef SL_TESTS_KIT_H
#define SL_TESTS_KIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#endif
