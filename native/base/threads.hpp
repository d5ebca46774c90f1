// Work on rows, shared out by how much they hold.
#pragma once
#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace gigstream {

// Calls work(0) to work(threads - 1), each in a thread of its own.
template <class Work>
void side_by_side(int threads, Work work) {
    std::vector<std::thread> others;
    for (int one = 1; one < threads; one++) others.emplace_back(work, one);
    work(0);
    for (std::thread& other : others) other.join();
}

// The bounds of ranges of rows, count + 1, such that all have about as many cells; `begin` has
// rows + 1.
template <class T>
std::vector<int64_t> ranges(const T* begin, int64_t rows, int64_t count) {
    std::vector<int64_t> bounds(size_t(count) + 1, rows);
    for (int64_t one = 0; one < count; one++)
        bounds[size_t(one)] = std::lower_bound(begin, begin + rows, T(begin[rows] * one / count)) - begin;
    return bounds;
}

}  // namespace gigstream
