#include "settle/cells.hpp"

#include <algorithm>
#include <vector>

#include "base/threads.hpp"

namespace gigstream {

namespace {

struct Cell {
    int64_t at_ms;
    int32_t column;

    bool operator<(const Cell& other) const {
        return column != other.column ? column < other.column : at_ms < other.at_ms;
    }
};

// Where rows begin among the plays: rows + 1.
std::vector<int64_t> begins(const int32_t* row, int64_t count, int64_t rows) {
    std::vector<int64_t> begin(size_t(rows) + 1, 0);
    for (int64_t k = 0; k < count; k++) begin[size_t(row[k]) + 1]++;
    for (size_t at = 1; at < begin.size(); at++) begin[at] += begin[at - 1];
    return begin;
}

}  // namespace

void sort_cells(const int32_t* row, const int32_t* column, const int64_t* at_ms, int64_t count,
                int64_t rows, int threads, Cells& out) {
    threads = count < (1 << 15) ? 1 : threads;
    std::vector<int64_t> begin = begins(row, count, rows);
    std::vector<int64_t> next(begin.begin(), begin.end());
    std::vector<int64_t> parts = ranges(begin.data(), rows, threads);
    GrowableArray<Cell> cells;
    cells.more(size_t(count));
    std::vector<int64_t> pairs(size_t(rows) + 1, 0);
    side_by_side(threads, [&](int one) {
        int32_t first = int32_t(parts[size_t(one)]), end = int32_t(parts[size_t(one) + 1]);
        for (int64_t k = 0; k < count; k++)
            if (row[k] >= first && row[k] < end)
                cells[size_t(next[size_t(row[k])]++)] = {at_ms[k], column[k]};
        for (int32_t at = first; at < end; at++) {
            Cell *from = cells.begin() + begin[size_t(at)], *to = cells.begin() + begin[size_t(at) + 1];
            std::sort(from, to);
            int64_t found = from < to;
            for (Cell* cell = from + 1; cell < to; cell++) found += cell[-1].column != cell->column;
            pairs[size_t(at) + 1] = found;
        }
    });
    for (size_t at = 1; at < pairs.size(); at++) pairs[at] += pairs[at - 1];
    int32_t* indptr = out.indptr.more(pairs.size());
    for (size_t at = 0; at < pairs.size(); at++) indptr[at] = int32_t(pairs[at]);
    out.column.more(size_t(pairs.back()));
    out.begin.more(size_t(pairs.back()));
    out.at_ms.more(size_t(count));
    side_by_side(threads, [&](int one) {
        for (int64_t at = parts[size_t(one)]; at < parts[size_t(one) + 1]; at++) {
            size_t pair = size_t(pairs[size_t(at)]);
            for (int64_t k = begin[size_t(at)]; k < begin[size_t(at) + 1]; k++) {
                const Cell& cell = cells[size_t(k)];
                out.at_ms[size_t(k)] = cell.at_ms;
                if (k > begin[size_t(at)] && cells[size_t(k) - 1].column == cell.column) continue;
                out.column[pair] = cell.column;
                out.begin[pair++] = k;
            }
        }
    });
}

}  // namespace gigstream
