// What a program that tests the others may take the place of.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Whether a request for memory, for addresses or for a thread (0 bytes) is refused before the system is asked. It
// never is, unless a program defines this function too: then the linker takes that one.
bool cairn_refuses(size_t bytes);
