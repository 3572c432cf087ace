/*
 * What a sweep reads and how it judges, as src/sweeper/horizon.ts, threshold/staleness.ts and pass/rules.ts have it. All
 * variables are the Sweeper's: `at` is $now, `read_beat`, `read_gaps`, `read_force`, `read_lowered` and `read_from` are what its
 * reading saw. Gaps are only added, so their number says which it saw.
 */

/* The gap that is still open: since the last beat, when that is too long ago. It has the place behind the others. */
#ifdef OPEN_GAP_IS_SILENCE
#define has_open_gap false
#else
#define has_open_gap (at - read_beat > GAP_AFTER)
#endif
#define gaps_in_all (read_gaps + (has_open_gap -> 1 : 0))
#define start_of(k) ((k) == read_gaps -> (read_beat) : gap_start[k])
#define end_of(k) ((k) == read_gaps -> (at) : gap_end[k])

/* horizonOf(): each gap that reaches into the threshold moves the horizon back by its whole length, newest first. 0: before all. */
inline horizon_of(threshold, result) {
  result = (at > threshold -> at - threshold : 0);
#ifndef SILENCE_BY_THE_CLOCK
  k = gaps_in_all;
  do
  :: k > 0 ->
     k--;
     if
     :: result < end_of(k) ->
        result = (result > end_of(k) - start_of(k) -> result - (end_of(k) - start_of(k)) : 0)
     :: else
     fi
  :: else -> break
  od;
  k = 0
#endif
}

/* Unobserved time since an instant: unobservedSince() of pass/due-at.ts. */
#define overlap(k, since) ((k) < gaps_in_all && end_of(k) > (since) -> end_of(k) - max(start_of(k), since) : 0)
#ifdef SILENCE_BY_THE_CLOCK
#define unobserved_since(since) 0
#else
#define unobserved_since(since) (overlap(0, since) + overlap(1, since) + overlap(2, since))
#endif

/*
 * The threshold of a row, that of before a lowering until it was heard since: threshold/staleness.ts, and daemonsThresholdMs of
 * pass/due-at.ts. A stamp and a date of one tick count as in this order: the other one is harmless, its agent was told.
 */
#ifdef LOWERED_AT_ONCE
#define is_spared(i) false
#else
#define is_spared(i) (read_lowered > 0 && d[i].heard <= read_lowered)
#endif
#define threshold_of(i) (is_spared(i) -> max(read_force, read_from) : read_force)

/* A row that waits, or has waited, is a special one, and judged by its own instant; the others by the horizon. */
#ifdef WAIT_COUNTS_AS_SILENCE
#define heard_at(i) d[i].heard
#else
#define heard_at(i) max(d[i].heard, d[i].until)
#endif
#define is_silent_special(i) (d[i].until <= at && heard_at(i) + threshold_of(i) + unobserved_since(heard_at(i)) < at)
#define is_silent_plain(i) (d[i].heard < horizon && !(is_spared(i) && d[i].heard >= spared_from))

#define is_overdue(i) (is_open(d[i].status) && d[i].deadline < at)
#define is_stale(i) (d[i].status == in_progress && d[i].deadline >= at && \
  (d[i].until > 0 -> is_silent_special(i) : is_silent_plain(i)))
#define matches(i) (is_overdue(i) || is_stale(i))

/* What is true of a row that no sweep may pass over: nobody was heard for so long, and it did not wait. */
#define is_abandoned(i) (d[i].status == in_progress && !is_waiting(i) && quiet(i) > FOUND_AFTER)
