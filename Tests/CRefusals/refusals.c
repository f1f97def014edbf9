#include "refusals.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_long chosen, count;
static atomic_bool sticky, refused;
static _Thread_local long own_chosen, own_count;
static _Thread_local bool own_sticky, own_refused, is_paused;

void cairn_refuse(long number, int is_sticky, int of_thread) {
    if (of_thread) {
        own_chosen = number;
        own_sticky = is_sticky;
        own_count = 0;
        own_refused = false;
    } else {
        chosen = number;
        sticky = is_sticky;
        count = 0;
        refused = false;
    }
}

long cairn_request_count(int of_thread) { return of_thread ? own_count : count; }

int cairn_has_refused(int of_thread) { return of_thread ? own_refused : refused; }

void cairn_pause_refusing(int pause) { is_paused = pause; }

static bool is_chosen(long number, long wanted, bool and_later) {
    return wanted != 0 && (number == wanted || (and_later && number > wanted));
}

bool cairn_refuses(size_t bytes) {
    (void)bytes;
    if (is_paused) return false;
    bool own = is_chosen(++own_count, own_chosen, own_sticky);
    own_refused |= own;
    if (atomic_load_explicit(&chosen, memory_order_relaxed) == 0) return own;
    bool all = is_chosen(atomic_fetch_add(&count, 1) + 1, chosen, sticky);
    if (all) refused = true;
    return own || all;
}
