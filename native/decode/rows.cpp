// Messages of confluent_kafka become event rows; see consumer/ingest/_decode.pyi.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/last_resort.hpp"
#include "base/numpy.hpp"
#include "decode/columns.hpp"
#include "decode/crc32.hpp"

namespace nb = nanobind;
using namespace gigstream;

namespace {

// A method of Message without arguments, called without looking it up each time.
class Getter {
public:
    Getter(nb::handle type, const char* name) {
        nb::object method = type.attr(name);
        if (!Py_IS_TYPE(method.ptr(), &PyMethodDescr_Type)) throw nb::type_error(name);
        PyMethodDef* definition = reinterpret_cast<PyMethodDescrObject*>(method.ptr())->d_method;
        if (definition->ml_flags != METH_NOARGS) throw nb::type_error(name);
        call_ = definition->ml_meth;
    }
    nb::object operator()(PyObject* message) const {
        nb::object found = nb::steal(call_(message, nullptr));
        if (!found.is_valid() || PyErr_Occurred()) throw nb::python_error();
        return found;
    }
    // A result that is there in spite of an error, which is cleared, may have holes.
    nb::object operator()(PyObject* message, bool& has_holes) const {
        nb::object found = nb::steal(call_(message, nullptr));
        if (!found.is_valid()) throw nb::python_error();
        has_holes = PyErr_Occurred() != nullptr;
        if (has_holes) PyErr_Clear();
        return found;
    }

private:
    PyCFunction call_;
};

int64_t number(nb::handle value, const char* complaint) {
    int64_t found = PyLong_Check(value.ptr()) ? PyLong_AsLongLong(value.ptr()) : -1;
    if (found == -1 && !PyLong_Check(value.ptr())) throw nb::value_error(complaint);
    if (found == -1 && PyErr_Occurred()) throw nb::python_error();
    return found;
}

// Limits of consumer/events/limits.py; what exceeds one is left to it.
constexpr Py_ssize_t MAX_VALUE_BYTES = 16 << 20, MAX_HEADERS = 256;
constexpr size_t MAX_HEADER_BYTES = 64 << 10;

// Whether this header may change what the record means: those are the Python decoder's.
bool tells(nb::handle pair, size_t& bytes) {
    if (!PyTuple_Check(pair.ptr()) || PyTuple_GET_SIZE(pair.ptr()) != 2) return true;
    PyObject* name = PyTuple_GET_ITEM(pair.ptr(), 0);
    if (!PyUnicode_Check(name) || !PyUnicode_IS_ASCII(name)) return true;
    std::string_view text(static_cast<const char*>(PyUnicode_DATA(name)),
                          size_t(PyUnicode_GET_LENGTH(name)));
    PyObject* value = PyTuple_GET_ITEM(pair.ptr(), 1);
    bytes += text.size() + (PyBytes_Check(value) ? size_t(PyBytes_GET_SIZE(value)) : 0);
    auto begins = [&](std::string_view with) {
        if (text.size() < with.size()) return false;
        for (size_t i = 0; i < with.size(); i++) {
            char c = text[i] >= 'A' && text[i] <= 'Z' ? char(text[i] + 32) : text[i];
            if (c != with[i]) return false;
        }
        return true;
    };
    return begins("content-type") || begins("ce_") || begins("ce-") || begins("gigstream-") ||
           begins("source") || begins("__");
}

bool any_tells(nb::handle headers) {
    if (headers.is_none()) return false;
    if (!PyList_Check(headers.ptr()) || PyList_GET_SIZE(headers.ptr()) > MAX_HEADERS) return true;
    size_t bytes = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers.ptr()); i++)
        if (tells(PyList_GET_ITEM(headers.ptr(), i), bytes)) return true;
    return bytes > MAX_HEADER_BYTES;
}

// The client leaves a hole where a header's name is not UTF-8. The message gets whole headers
// instead: U+FFFD for such a name, and the header by which consumer/events/limits.py refuses the record.
void fill_holes(nb::handle message, nb::handle headers) {
    nb::list whole;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers.ptr()); i++) {
        PyObject* pair = PyList_GET_ITEM(headers.ptr(), i);
        PyObject* name = PyTuple_GET_ITEM(pair, 0);
        nb::object known = name ? nb::borrow(name) : nb::object(nb::str("\xef\xbf\xbd"));
        whole.append(nb::make_tuple(known, nb::borrow(PyTuple_GET_ITEM(pair, 1))));
    }
    whole.append(nb::make_tuple("gigstream-incomplete", nb::bytes("headers: a name is not UTF-8")));
    message.attr("set_headers")(whole);
}

// The next offset to take of each partition: a dict, looked at when the partition changes.
class Positions {
public:
    explicit Positions(nb::object dict) : dict_(std::move(dict)) {}

    bool takes(nb::handle partition, int64_t offset) {
        if (dict_.is_none()) return true;
        if (!partition_.is_valid() || number(partition, "partition") != current_) turn_to(partition);
        if (!ours_ || offset < next_) return false;
        next_ = offset + 1;
        return true;
    }
    void write_back() {
        if (partition_.is_valid() && ours_)
            if (PyDict_SetItem(dict_.ptr(), partition_.ptr(), nb::int_(next_).ptr()))
                throw nb::python_error();
    }

private:
    void turn_to(nb::handle partition) {
        write_back();
        partition_ = nb::borrow(partition);
        current_ = number(partition, "partition");
        PyObject* next = PyDict_GetItemWithError(dict_.ptr(), partition.ptr());
        if (!next && PyErr_Occurred()) throw nb::python_error();
        ours_ = next != nullptr;
        if (ours_) next_ = number(next, "positions");
    }

    nb::object dict_, partition_;
    int64_t current_ = 0, next_ = 0;
    bool ours_ = false;
};

class Rows {
public:
    explicit Rows(nb::handle type)
        : type_(nb::borrow(type)), error_(type, "error"), partition_(type, "partition"),
          offset_(type, "offset"), value_(type, "value"), timestamp_(type, "timestamp"),
          headers_(type, "headers") {}

    size_t size() const { return size_; }

    nb::tuple take(nb::list messages, nb::object positions_of, int64_t now_ms, int64_t clock_ms) {
        nb::list errors, rest;
        Positions positions(std::move(positions_of));
        size_t before = size_, bytes = 0;
        try {
            for (Py_ssize_t i = 0; i < PyList_GET_SIZE(messages.ptr()); i++) {
                PyObject* message = PyList_GET_ITEM(messages.ptr(), i);
                if (!Py_IS_TYPE(message, reinterpret_cast<PyTypeObject*>(type_.ptr())))
                    throw nb::type_error("messages: of another type");
                if (!error_(message).is_none()) {
                    errors.append(i);
                    continue;
                }
                nb::object partition = partition_(message);
                int64_t offset = number(offset_(message), "a message without an offset");
                if (!positions.takes(partition, offset)) continue;
                if (!add(message, number(partition, "a message of no partition"), offset, now_ms,
                         clock_ms, bytes))
                    rest.append(i);
            }
        } catch (...) {
            cut(before);
            throw;
        }
        positions.write_back();
        return nb::make_tuple(bytes, errors, rest);
    }

    void cut(size_t size) {
        if (size > size_) throw nb::value_error("rows: fewer are there");
        size_ = size;
        partitions.cut(size);
        for (auto* each : {&offsets, &recorded_at, &digests, &times}) each->cut(size);
        for (auto* each : {&versions, &starts_at}) each->cut(size);
        for (auto& [name, column] : texts()) column->cut(size);
    }

    // Hands the columns over and is empty again.
    nb::dict finish() {
        nb::dict out;
        plain(out, "partition", partitions);
        for (auto& [name, column] : {std::pair{"offset", &offsets}, {"recorded_at", &recorded_at},
                                     {"digest", &digests}, {"time", &times}})
            plain(out, name, *column);
        numbers(out, "version", versions);
        numbers(out, "starts_at", starts_at);
        for (auto& [name, column] : texts()) strings(out, name, *column);
        size_ = said_bytes_ = 0;
        return out;
    }

private:
    bool add(PyObject* message, int64_t partition, int64_t offset, int64_t now_ms, int64_t clock_ms,
             size_t& bytes) {
        nb::object value = value_(message);
        bool has_holes = false;
        nb::object headers = headers_(message, has_holes);
        if (has_holes) fill_holes(message, headers);
        if (has_holes || any_tells(headers)) return false;
        if (!PyBytes_CheckExact(value.ptr()) || PyBytes_GET_SIZE(value.ptr()) > MAX_VALUE_BYTES)
            return false;
        nb::object stamp = timestamp_(message);
        if (!PyTuple_Check(stamp.ptr()) || PyTuple_GET_SIZE(stamp.ptr()) != 2) return false;
        int64_t kind = number(PyTuple_GET_ITEM(stamp.ptr(), 0), "timestamp");
        int64_t record_ms = kind ? number(PyTuple_GET_ITEM(stamp.ptr(), 1), "timestamp") : now_ms;
        record_ms = record_ms < MIN_MS ? MIN_MS : record_ms > MAX_MS ? MAX_MS : record_ms;
        const char* data = PyBytes_AS_STRING(value.ptr());
        size_t size = size_t(PyBytes_GET_SIZE(value.ptr()));
        // An offset has 31 bits, and no column grows by more than its record.
        if (said_bytes_ + size + PADDING > INT32_MAX) return false;
        // A copy, since the scan may look a few bytes past the end.
        record_.cut(0);
        char* copy = record_.more(size + PADDING);
        memcpy(copy, data, size);
        memset(copy + size, 0, PADDING);
        if (!statement_.read(copy, copy + size, std::min(record_ms, clock_ms))) return false;
        push(int32_t(partition), offset, record_ms, crc32(copy, size));
        said_bytes_ += size + PADDING;
        bytes += size;
        return true;
    }

    void push(int32_t partition, int64_t offset, int64_t record_ms, uint32_t digest) {
        const Statement& said = statement_;
        partitions.push(partition);
        offsets.push(offset);
        recorded_at.push(record_ms * 1000);
        digests.push(digest);
        times.push(said.time.value * 1000);
        versions.push(said.version.said, said.version.value);
        starts_at.push(said.starts_at.said, said.starts_at.value * 1000);
        source.push(said.source.at ? said.source : Text{"default", 7, true});
        event_id.push(said.event_id);
        artist_id.push(said.artist_id);
        venue_id.push(said.venue_id);
        status.push(said.status.at ? said.status : Text{"confirmed", 9, true});
        artist_name.push(said.artist_name);
        venue_name.push(said.venue_name);
        venue.push(said.has_venue, said.venue.data(), said.has_venue ? said.venue.size() : 0);
        artist.push(said.has_artist, said.artist.data(), said.has_artist ? said.artist.size() : 0);
        size_++;
    }

    template <class T>
    static void plain(nb::dict& out, const char* name, GrowableArray<T>& values) {
        out[name] = nb::make_tuple(nb::none(), handed_over(values));
    }
    // The bits, or None where all rows have a value; false: none has one.
    static bool presence(Presence& from, nb::object& bits) {
        bool any = from.present > 0;
        bits = from.present == from.rows ? nb::none() : handed_over(from.bits);
        from.bits.cut(0);
        from.rows = from.present = 0;
        return any;
    }
    static void numbers(nb::dict& out, const char* name, Numbers& column) {
        nb::object bits;
        if (presence(column.presence, bits))
            out[name] = nb::make_tuple(bits, handed_over(column.values));
        column.values.cut(0);
    }
    static void strings(nb::dict& out, const char* name, Texts& column) {
        nb::object bits;
        if (presence(column.presence, bits))
            out[name] = nb::make_tuple(bits, handed_over(column.offsets), handed_over(column.bytes));
        column.offsets.cut(0);
        column.bytes.cut(0);
    }

    std::array<std::pair<const char*, Texts*>, 9> texts() {
        return {{{"source", &source}, {"event_id", &event_id}, {"artist_id", &artist_id},
                 {"venue_id", &venue_id}, {"status", &status}, {"artist_name", &artist_name},
                 {"venue_name", &venue_name}, {"venue", &venue}, {"artist", &artist}}};
    }

    nb::object type_;
    Getter error_, partition_, offset_, value_, timestamp_, headers_;
    size_t size_ = 0, said_bytes_ = 0;
    GrowableArray<char> record_;
    Statement statement_;
    GrowableArray<int32_t> partitions;
    GrowableArray<int64_t> offsets, recorded_at, digests, times;
    Numbers versions, starts_at;
    Texts source, event_id, artist_id, venue_id, status, artist_name, venue_name, venue, artist;
};

}  // namespace

NB_MODULE(_decode, module) {
    // A process that ends with rows waiting (an error, a last resort) has no leak to tell of.
    nb::set_leak_warnings(false);
    nb::class_<Rows>(module, "Rows")
        .def(nb::init<nb::handle>())
        .def("__len__", &Rows::size)
        .def("take", &Rows::take, nb::arg("messages"), nb::arg("positions").none(), nb::arg("now_ms"),
             nb::arg("clock_ms"))
        .def("cut", &Rows::cut)
        .def("finish", &Rows::finish);
    module.def("exit_after_byte", &exit_after_byte);
    module.def("crc32", [](nb::bytes data) { return crc32(data.c_str(), data.size()); });
}
