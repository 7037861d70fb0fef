#pragma once

#include <linux/sched.h>

#include <cstddef>

/**
 * clone3(2) with a stack of its own: the parent gets the pid or a negative errno, the child runs
 * `run(argument)` and exits with its result.
 */
extern "C" long podrun_clone3(const clone_args* args, size_t size, int (*run)(void*), void* argument);
