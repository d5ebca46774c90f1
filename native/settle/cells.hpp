// Plays sorted by artist, venue and time, and where each pair begins among them.
#pragma once
#include "base/growable_array.hpp"

namespace gigstream {

struct Cells {
    GrowableArray<int32_t> indptr;  // by row, rows + 1: where its pairs begin
    GrowableArray<int32_t> column;  // by pair
    GrowableArray<int64_t> begin;   // by pair: its first play in `at_ms`
    GrowableArray<int64_t> at_ms;   // by play, sorted
};

// `count` plays, fewer than 2^31, of rows and columns that are in range.
void sort_cells(const int32_t* row, const int32_t* column, const int64_t* at_ms, int64_t count,
                int64_t rows, int threads, Cells& out);

}  // namespace gigstream
