/// What the parts of the NEON check share.
#pragma once
#include "kernel_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Counts a check, and reports it if it is not `right`: what it was of, and three numbers that say which.
void check(int right, const char *what, size_t a, size_t b, size_t c);
/// SplitMix64 from a seed of 1.
uint64_t next_random(void);
/// The same with a state of the caller's.
uint64_t next_of(uint64_t *state);
/// Memory whose end, which is returned, is followed by a page nobody may touch.
char *guarded(size_t bytes);

void check_codes(const code_table *kernels, const char *name);
void check_quantization(void);
