// Requests for memory, addresses and threads that are refused: the function that the library asks is defined here.
#pragma once

// From now on the request of this number, counted from 1, is refused; with `is_sticky` so are all after it. 0: none is. Of all
// threads, or with `of_thread` of the calling one alone: then others may do the same beside it.
void cairn_refuse(long number, int is_sticky, int of_thread);

// Requests since then.
long cairn_request_count(int of_thread);

// Whether one of them was refused.
int cairn_has_refused(int of_thread);

// Requests of the calling thread are not counted, and none is refused, until it goes on.
void cairn_pause_refusing(int is_paused);
