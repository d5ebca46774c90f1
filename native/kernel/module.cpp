// Python bindings: shapes are checked here, and trusted everywhere else.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>

#include "base/numpy.hpp"
#include "kernel/als/layout.hpp"

namespace nb = nanobind;
using namespace gigstream;

constexpr int WIDTHS[] = {32, 64, 96, 128, 192, 256, 384, 512};

static void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

static std::vector<const Kernel*> kernels() {
    std::vector<const Kernel*> found{kernel_portable()};
#ifdef GIGSTREAM_X86
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512cd");
    if (v3) found.push_back(kernel_v3());
    if (v4) found.push_back(kernel_v4());
    if (v4 && __builtin_cpu_supports("avx512bf16")) found.push_back(kernel_bf16());
#endif
    return found;
}

static const Kernel& kernel(const std::string& isa) {
    for (const Kernel* one : kernels())
        if (isa == one->name) return *one;
    throw std::invalid_argument("isa: this machine has no '" + isa + "'");
}

static std::vector<std::string> isas() {
    std::vector<std::string> names;
    for (const Kernel* one : kernels()) names.push_back(one->name);
    return names;
}

static int width(int factors) {
    for (int one : WIDTHS)
        if (factors <= one) return one;
    throw std::invalid_argument("factors: at most 512");
}

static int checked_width(size_t columns) {
    require(columns <= 512 && width(int(columns)) == int(columns), "width: not a compiled one");
    return int(columns);
}

static Rows cells_of(In<int32_t> indptr, In<int32_t> column, int64_t columns) {
    require(indptr.shape(0) >= 1 && indptr.data()[0] == 0, "indptr: begins with 0");
    int64_t count = int64_t(indptr.shape(0)) - 1, nonzeros = indptr.data()[count];
    for (int64_t row = 0; row < count; row++)
        require(indptr.data()[row] <= indptr.data()[row + 1], "indptr: falls");
    require(int64_t(column.shape(0)) >= nonzeros, "column: shorter than indptr says");
    uint32_t wrong = 0;
    for (int64_t k = 0; k < nonzeros; k++) wrong |= uint32_t(column.data()[k]) >= uint32_t(columns);
    require(!wrong, "column: out of range");
    return {indptr.data(), column.data(), nullptr, count};
}

static Rows rows_of(In<int32_t> indptr, In<int32_t> column, In<float> confidence,
                    int64_t columns, int64_t slack) {
    Rows rows = cells_of(indptr, column, columns);
    require(int64_t(confidence.shape(0)) >= rows.indptr[rows.count] + slack, "confidence: too short");
    rows.confidence = confidence.data();
    return rows;
}

static void py_by_length(In<int32_t> length, Out<int32_t> order) {
    require(length.shape(0) == order.shape(0), "order: one of each length");
    for (size_t row = 0; row < length.shape(0); row++)
        require(length.data()[row] >= 0, "length: negative");
    by_length(length.data(), int64_t(length.shape(0)), order.data());
}

static void py_smooth(In<int32_t> indptr, In<int32_t> column, In<int32_t> per_column,
                      int rounds, Out<float> of_rows, Out<float> of_columns, int threads) {
    int64_t columns = int64_t(of_columns.shape(0));
    Rows cells = cells_of(indptr, column, columns);
    require(int64_t(of_rows.shape(0)) == cells.count, "of_rows: one of each row");
    require(int64_t(per_column.shape(0)) == columns, "per_column: one of each column");
    require(threads >= 1, "threads: at least 1");
    nb::gil_scoped_release released;
    smooth(cells, per_column.data(), columns, rounds, of_rows.data(), of_columns.data(), threads);
}

static void py_relabel(In<int32_t> indptr, In<int32_t> column, In<float> confidence,
                       In<int32_t> row_order, In<int32_t> rank, Out<int32_t> row_indptr,
                       Out<int32_t> row_column, Out<float> row_confidence,
                       Out<int32_t> column_indptr, Out<int32_t> column_row,
                       Out<float> column_confidence, int threads) {
    int64_t columns = int64_t(rank.shape(0));
    Rows from = rows_of(indptr, column, confidence, columns, 0);
    size_t nonzeros = size_t(from.indptr[from.count]);
    require(int64_t(row_order.shape(0)) == from.count, "row_order: one of each row");
    require(row_indptr.shape(0) == indptr.shape(0), "row_indptr: as indptr");
    require(int64_t(column_indptr.shape(0)) == columns + 1, "column_indptr: columns + 1");
    require(size_t(column_indptr.data()[columns]) == nonzeros, "column_indptr: other matrix");
    for (auto& size : {row_column.shape(0), column_row.shape(0), row_confidence.shape(0),
                       column_confidence.shape(0)})
        require(size >= nonzeros, "out: too short");
    require(threads >= 1, "threads: at least 1");
    nb::gil_scoped_release released;
    relabel(from, row_order.data(), rank.data(), columns,
            {row_indptr.data(), row_column.data(), row_confidence.data()},
            {column_indptr.data(), column_row.data(), column_confidence.data()}, threads);
}

// `packed` as uint16 is bf16; as float32 it is the plain product.
static Product product(In<float, 2> rows, In<float, 2> change, int threads) {
    Product one{};
    one.rows = rows.data();
    one.count = int64_t(rows.shape(0));
    one.change = change.data();
    one.width = checked_width(rows.shape(1));
    one.threads = threads;
    require(change.shape(0) == rows.shape(1) && change.shape(1) == rows.shape(1), "change: width");
    return one;
}

template <class T>
static void py_multiply(const std::string& isa, In<float, 2> rows, In<float, 2> change,
                        Out<T, 2> out, int threads) {
    Product one = product(rows, change, threads);
    require(out.shape(0) == rows.shape(0) && out.shape(1) == rows.shape(1), "out: as rows");
    if constexpr (sizeof(T) == 2)
        one.packed = out.data();
    else
        one.plain = out.data();
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    chosen.multiply(one);
}

static void py_scatter(const std::string& isa, In<float, 2> rows, In<float, 2> change,
                       In<int32_t> order, Out<float, 2> out, int threads) {
    Product one = product(rows, change, threads);
    require(out.shape(0) == rows.shape(0) && out.shape(1) <= rows.shape(1), "out: as rows");
    require(order.shape(0) == rows.shape(0), "order: one of each row");
    for (size_t row = 0; row < order.shape(0); row++)
        require(uint32_t(order.data()[row]) < order.shape(0), "order: out of range");
    one.scattered = out.data();
    one.order = order.data();
    one.factors = int(out.shape(1));
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    chosen.multiply(one);
}

static void py_gram(const std::string& isa, In<float, 2> rows, Out<double, 2> out, int threads) {
    int columns = checked_width(rows.shape(1));
    require(out.shape(0) == rows.shape(1) && out.shape(1) == rows.shape(1), "out: width x width");
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    int64_t count = int64_t(rows.shape(0));
    std::vector<Stripe> parts;
    for (int64_t row = 0; row < count; row += 1024)
        parts.push_back({row, row + 1024 < count ? row + 1024 : count});
    chosen.gram(rows.data(), count, columns, parts.data(), int64_t(parts.size()), threads,
                out.data());
}

template <class T>
static double py_solve(const std::string& isa, In<int32_t> indptr, In<int32_t> column,
                       In<float> confidence, In<T, 2> fixed, In<float, 2> start,
                       In<float, 2> change, In<float> more, In<float> shrink,
                       Out<float> squared, Out<float, 2> out, Out<double, 2> gram, int steps,
                       int further, int few, int threads) {
    Half half{};
    half.rows = rows_of(indptr, column, confidence, int64_t(fixed.shape(0)), 3);
    half.width = checked_width(fixed.shape(1));
    size_t columns = size_t(half.width), rows = size_t(half.rows.count);
    require(start.shape(0) == rows && start.shape(1) == columns, "start: rows x width");
    require(out.shape(0) == rows && out.shape(1) == columns, "out: rows x width");
    require(change.shape(0) == columns && change.shape(1) == columns, "change: width x width");
    require(gram.shape(0) == columns && gram.shape(1) == columns, "gram: width x width");
    require(more.shape(0) == 0 || more.shape(0) == rows, "more: one of each row, or none");
    require(squared.shape(0) == more.shape(0), "squared: as more");
    require(shrink.shape(0) == (more.shape(0) ? columns : 0), "shrink: width, or none");
    half.more = more.shape(0) ? more.data() : nullptr;
    half.shrink = shrink.data();
    half.squared = squared.data();
    half.fixed = fixed.data();
    half.packed = sizeof(T) == 2;
    half.start = start.data();
    half.change = change.data();
    half.out = out.data();
    half.gram = gram.data();
    half.steps = steps;
    half.further = further;
    require(few <= 16, "few: at most 16");
    half.few = few;
    half.threads = threads;
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    std::vector<Stripe> parts = stripes(half.rows.indptr, half.rows.count, half.width);
    half.stripes = parts.data();
    half.stripe_count = int64_t(parts.size());
    return chosen.solve(half);
}

// Rows of a sparse matrix as top-N asks for it: columns ascending, repeats allowed.
static Marked marked(In<int64_t> indptr, In<int32_t> column, const float* values,
                     int64_t rows, int64_t columns) {
    require(int64_t(indptr.shape(0)) == rows + 1 && indptr.data()[0] == 0, "indptr: rows + 1");
    require(indptr.data()[rows] == int64_t(column.shape(0)), "column: other matrix");
    for (int64_t row = 0; row < rows; row++) {
        require(indptr.data()[row] <= indptr.data()[row + 1], "indptr: falls");
        for (int64_t k = indptr.data()[row]; k < indptr.data()[row + 1]; k++) {
            require(uint32_t(column.data()[k]) < uint64_t(columns), "column: out of range");
            bool first = k == indptr.data()[row];
            require(first || column.data()[k - 1] <= column.data()[k], "column: not sorted");
        }
    }
    return {rows ? indptr.data() : nullptr, column.data(), values};
}

static void py_top_n(const std::string& isa, In<float, 2> rows, In<float, 2> cols,
                     In<float> bias, In<float> shift, In<float> error,
                     In<int64_t> excluded_indptr, In<int32_t> excluded_column,
                     In<int64_t> added_indptr, In<int32_t> added_column,
                     In<float> added, Out<int32_t, 2> best_cols, Out<float, 2> best_scores,
                     int threads) {
    Ranking ranking{};
    ranking.count = int64_t(rows.shape(0));
    ranking.columns = int64_t(cols.shape(0));
    ranking.width = int(rows.shape(1));
    size_t count = rows.shape(0), n = best_cols.shape(1);
    require(cols.shape(1) == rows.shape(1), "cols: width of rows");
    require(cols.shape(0) <= size_t(INT32_MAX), "cols: too many");
    require(bias.shape(0) == cols.shape(0), "bias: one of each column");
    require(shift.shape(0) == count && error.shape(0) == count, "shift, error: one of each row");
    require(added.shape(0) == added_column.shape(0), "added: one of each column");
    require(n >= 1 && best_cols.shape(0) == count, "best_cols: rows x n");
    require(best_scores.shape(0) == count && best_scores.shape(1) == n, "best_scores: rows x n");
    ranking.rows = rows.data();
    ranking.cols = cols.data();
    ranking.bias = bias.data();
    ranking.shift = shift.data();
    ranking.error = error.data();
    ranking.n = int(n);
    ranking.threads = threads;
    ranking.best_cols = best_cols.data();
    ranking.best_scores = best_scores.data();
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    ranking.excluded =
        marked(excluded_indptr, excluded_column, nullptr, ranking.count, ranking.columns);
    ranking.additions =
        marked(added_indptr, added_column, added.data(), ranking.count, ranking.columns);
    rank(chosen.topn, ranking);
}

static void py_solve_exactly(const std::string& isa, In<int32_t> indptr, In<int32_t> column,
                             In<float> confidence, In<float, 2> fixed, In<double, 2> gram,
                             In<double> penalty, In<double, 2> upper, In<double, 2> inverse,
                             Out<float, 2> out, int threads) {
    Exact task{};
    size_t width = fixed.shape(1), rows = out.shape(0);
    auto square = [width](auto& matrix) {
        return matrix.shape(0) == width && matrix.shape(1) == width;
    };
    task.rows = rows_of(indptr, column, confidence, int64_t(fixed.shape(0)), 0);
    require(size_t(task.rows.count) == rows && out.shape(1) == width, "out: rows x width");
    require(square(gram), "gram: width x width");
    bool shared = upper.shape(0) > 0;
    require(penalty.shape(0) == (shared ? 1 : rows), "penalty: one, or one of each row");
    require(!shared || (square(upper) && square(inverse)), "upper, inverse: width x width");
    task.fixed = fixed.data();
    task.gram = gram.data();
    task.penalty = penalty.data();
    task.penalty_step = !shared;
    task.upper = shared ? upper.data() : nullptr;
    task.inverse = shared ? inverse.data() : nullptr;
    task.out = out.data();
    task.width = int(width);
    task.threads = threads;
    const Kernel& chosen = kernel(isa);
    nb::gil_scoped_release released;
    chosen.solve_exactly(task);
}

NB_MODULE(_als, m) {
    using namespace nb::literals;
    m.def("isas", &isas);
    m.def("width", &width, "factors"_a);
    m.def("by_length", &py_by_length, "length"_a, "order"_x);
    m.def("smooth", &py_smooth, "indptr"_x, "column"_x, "per_column"_x, "rounds"_a, "of_rows"_x,
          "of_columns"_x, "threads"_a);
    m.def("relabel", &py_relabel, "indptr"_x, "column"_x, "confidence"_x, "row_order"_x, "rank"_x,
          "row_indptr"_x, "row_column"_x, "row_confidence"_x, "column_indptr"_x, "column_row"_x,
          "column_confidence"_x, "threads"_a);
    auto multiply = [&m](auto of) {
        m.def("multiply", of, "isa"_a, "rows"_x, "change"_x, "out"_x, "threads"_a);
    };
    multiply(&py_multiply<float>);
    multiply(&py_multiply<uint16_t>);
    m.def("scatter", &py_scatter, "isa"_a, "rows"_x, "change"_x, "order"_x, "out"_x, "threads"_a);
    m.def("gram", &py_gram, "isa"_a, "rows"_x, "out"_x, "threads"_a);
    m.def("top_n", &py_top_n, "isa"_a, "rows"_x, "cols"_x, "bias"_x, "shift"_x, "error"_x,
          "excluded_indptr"_x, "excluded_column"_x, "added_indptr"_x, "added_column"_x, "added"_x,
          "best_cols"_x, "best_scores"_x, "threads"_a);
    m.def("solve_exactly", &py_solve_exactly, "isa"_a, "indptr"_x, "column"_x, "confidence"_x,
          "fixed"_x, "gram"_x, "penalty"_x, "upper"_x, "inverse"_x, "out"_x, "threads"_a);
    auto solve = [&m](auto of) {
        m.def("solve", of, "isa"_a, "indptr"_x, "column"_x, "confidence"_x, "fixed"_x, "start"_x,
              "change"_x, "more"_x, "shrink"_x, "squared"_x, "out"_x, "gram"_x, "steps"_a,
              "further"_a, "few"_a, "threads"_a);
    };
    solve(&py_solve<float>);
    solve(&py_solve<uint16_t>);
}
