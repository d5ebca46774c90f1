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

// The rows of each thread, threads + 1, such that all have about as many cells; `begin` has rows + 1.
inline std::vector<int64_t> shares(const std::vector<int64_t>& begin, int threads) {
    int64_t rows = int64_t(begin.size()) - 1;
    std::vector<int64_t> parts(size_t(threads) + 1, rows);
    for (int one = 1; one < threads; one++)
        parts[size_t(one)] = std::min(
            rows, std::lower_bound(begin.begin(), begin.end(), begin.back() * one / threads) - begin.begin());
    parts[0] = 0;
    return parts;
}

}  // namespace gigstream
