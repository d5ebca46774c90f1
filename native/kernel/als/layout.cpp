#include "kernel/als/layout.hpp"

#include <algorithm>

#include "base/threads.hpp"

namespace gigstream {

void by_length(const int32_t* length, int64_t rows, int32_t* order) {
    int32_t longest = 0;
    for (int64_t row = 0; row < rows; row++) longest = std::max(longest, length[row]);
    std::vector<int64_t> next(size_t(longest) + 2);
    for (int64_t row = 0; row < rows; row++) next[longest - length[row] + 1]++;
    for (size_t i = 1; i < next.size(); i++) next[i] += next[i - 1];
    for (int64_t row = 0; row < rows; row++) order[next[longest - length[row]]++] = int32_t(row);
}

static void copy_rows(const Rows& from, const int32_t* order, const int32_t* rank,
                      const Relabelled& to, int threads) {
    to.indptr[0] = 0;
    for (int64_t row = 0; row < from.count; row++)
        to.indptr[row + 1] =
            to.indptr[row] + from.indptr[order[row] + 1] - from.indptr[order[row]];
#pragma omp parallel for schedule(dynamic, 512) num_threads(threads)
    for (int64_t row = 0; row < from.count; row++) {
        int64_t source = from.indptr[order[row]], target = to.indptr[row];
        int length = to.indptr[row + 1] - to.indptr[row];
        for (int k = 0; k < length; k++) {
            to.column[target + k] = rank[from.column[source + k]];
            to.confidence[target + k] = from.confidence[source + k];
        }
    }
}

static void mean_of_columns(const Rows& cells, const float* of_columns, float* of_rows,
                            int threads) {
#pragma omp parallel for schedule(dynamic, 512) num_threads(threads)
    for (int64_t row = 0; row < cells.count; row++) {
        float total = 0;
        for (int32_t k = cells.indptr[row]; k < cells.indptr[row + 1]; k++)
            total += of_columns[cells.column[k]];
        of_rows[row] = total / float(std::max(cells.indptr[row + 1] - cells.indptr[row], 1));
    }
}

// Each range of rows has numbers of its own for all columns: more would not stay in the caches.
constexpr int64_t RANGES = 16;

// Sums of ranges of rows are added in their order: the same for any number of threads.
static void mean_of_rows(const Rows& cells, const float* of_rows, const int32_t* per_column,
                         int64_t columns, float* of_columns, int threads) {
    std::vector<int64_t> bounds = ranges(cells.indptr, cells.count, RANGES);
    std::vector<float> sums(size_t(RANGES * columns));
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (int64_t share = 0; share < RANGES; share++) {
            float* sum = sums.data() + share * columns;
            for (int64_t row = bounds[share]; row < bounds[share + 1]; row++)
                for (int32_t k = cells.indptr[row]; k < cells.indptr[row + 1]; k++)
                    sum[cells.column[k]] += of_rows[row];
        }
#pragma omp for
        for (int64_t column = 0; column < columns; column++) {
            float total = 0;
            for (int64_t share = 0; share < RANGES; share++) total += sums[share * columns + column];
            of_columns[column] = total / float(std::max(per_column[column], 1));
        }
    }
}

void smooth(const Rows& cells, const int32_t* per_column, int64_t columns, int rounds,
            float* of_rows, float* of_columns, int threads) {
    for (int round = 0; round < rounds; round++) {
        mean_of_columns(cells, of_columns, of_rows, threads);
        mean_of_rows(cells, of_rows, per_column, columns, of_columns, threads);
    }
}

// Ranges of rows are counted first, so that each knows its places: the same for any number.
static void transpose(const Relabelled& from, int64_t rows, const Relabelled& to, int64_t columns,
                      int threads) {
    int64_t shares = std::min<int64_t>(threads, RANGES);
    std::vector<int64_t> bounds = ranges(from.indptr, rows, shares);
    std::vector<int32_t> next(size_t(shares * columns));
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static, 1)
        for (int64_t share = 0; share < shares; share++)
            for (int32_t k = from.indptr[bounds[share]]; k < from.indptr[bounds[share + 1]]; k++)
                next[share * columns + from.column[k]]++;
#pragma omp for
        for (int64_t column = 0; column < columns; column++) {
            int32_t place = to.indptr[column];
            for (int64_t share = 0; share < shares; share++) {
                int32_t& first = next[share * columns + column];
                int32_t count = first;
                first = place, place += count;
            }
        }
#pragma omp for schedule(static, 1)
        for (int64_t share = 0; share < shares; share++)
            for (int64_t row = bounds[share]; row < bounds[share + 1]; row++)
                for (int32_t k = from.indptr[row]; k < from.indptr[row + 1]; k++) {
                    int32_t place = next[share * columns + from.column[k]]++;
                    to.column[place] = int32_t(row);
                    to.confidence[place] = from.confidence[k];
                }
    }
}

void relabel(const Rows& from, const int32_t* row_order, const int32_t* rank, int64_t columns,
             Relabelled by_row, Relabelled by_column, int threads) {
    copy_rows(from, row_order, rank, by_row, threads);
    transpose(by_row, from.count, by_column, columns, threads);
}

// About SHARES stripes of equal work, so that threads end together; but few enough rows that no
// float32 Gram matrix of one of them loses digits.
std::vector<Stripe> stripes(const int32_t* indptr, int64_t rows, int width) {
    constexpr int64_t SHARES = 256, MOST_ROWS = 4096;
    int64_t per_row = width / 8 + 8;  // whitening and Gram, in units of one non-zero's four passes
    int64_t share = (indptr[rows] + rows * per_row) / SHARES + 1;
    std::vector<Stripe> found;
    int64_t first = 0, work = 0;
    for (int64_t row = 0; row < rows; row++) {
        work += indptr[row + 1] - indptr[row] + per_row;
        if (work < share && row + 1 - first < MOST_ROWS && row + 1 < rows) continue;
        found.push_back({first, row + 1});
        first = row + 1, work = 0;
    }
    return found;
}

}  // namespace gigstream
