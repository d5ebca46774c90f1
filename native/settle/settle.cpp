// Python bindings of settling (trainer/plays/interactions.py) and of sorting plays (trainer/plays/matrix.py).
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/numpy.hpp"
#include "settle/cells.hpp"
#include "settle/gigs.hpp"

namespace nb = nanobind;
using namespace gigstream;

namespace {

nb::object text(Chars chars) {
    return nb::steal(PyUnicode_DecodeUTF8(chars.at, Py_ssize_t(chars.size), "strict"));
}

Chars chars_of(nb::str name) {
    Py_ssize_t size = 0;
    const char* at = PyUnicode_AsUTF8AndSize(name.ptr(), &size);
    if (!at) throw nb::python_error();
    return {at, size_t(size)};
}

// An array or a record batch of anybody's, borrowed; its capsules give it back when they go.
class Borrowed {
public:
    explicit Borrowed(const nb::object& from) : capsules_(from.attr("__arrow_c_array__")()) {}

    const ArrowSchema& schema() const { return at<ArrowSchema>(0, "arrow_schema"); }
    const ArrowArray& array() const { return at<ArrowArray>(1, "arrow_array"); }

private:
    template <class T>
    const T& at(int place, const char* name) const {
        nb::object capsule = capsules_[place];
        void* found = PyCapsule_GetPointer(capsule.ptr(), name);
        if (!found) throw nb::python_error();
        return *static_cast<const T*>(found);
    }

    nb::object capsules_;
};

// A record batch, column by column.
class Batch {
public:
    explicit Batch(const Borrowed& from) : schema_(from.schema()), array_(from.array()) {}

    template <class T>
    NumbersOf<T> numbers(const char* name, const char* format) const {
        int64_t at = place(name);
        require_type(name, !strcmp(schema_.children[at]->format, format));
        return NumbersOf<T>(*array_.children[at]);
    }
    TextsOf texts(const char* name) const {
        int64_t at = place(name);
        const ArrowSchema& kind = *schema_.children[at];
        const ArrowSchema& text = kind.dictionary ? *kind.dictionary : kind;
        bool coded = !kind.dictionary || !strcmp(kind.format, "i");
        require_type(name, coded && !strcmp(text.format, "u"));
        return TextsOf(*array_.children[at]);
    }
    int64_t rows() const { return array_.length; }

private:
    int64_t place(const char* name) const {
        if (array_.offset) throw std::invalid_argument("batch: a part of another one");
        for (int64_t at = 0; at < schema_.n_children; at++)
            if (!strcmp(schema_.children[at]->name, name)) return at;
        throw std::invalid_argument(std::string(name) + ": no such column");
    }
    static void require_type(const char* name, bool fits) {
        if (!fits) throw std::invalid_argument(std::string(name) + ": of another type");
    }

    const ArrowSchema& schema_;
    const ArrowArray& array_;
};

Statements statements(const Borrowed& from) {
    Batch batch(from);
    Statements said;
    said.rows = batch.rows();
    said.partition = batch.numbers<int32_t>("partition", "i");
    for (auto& [name, column] : {std::pair{"offset", &said.offset}, {"digest", &said.digest},
                                 {"version", &said.version}})
        *column = batch.numbers<int64_t>(name, "l");
    for (auto& [name, column] : {std::pair{"recorded_at", &said.recorded_us},
                                 {"time", &said.time_us}, {"starts_at", &said.starts_us}})
        *column = batch.numbers<int64_t>(name, "tsu:UTC");
    for (auto& [name, column] : {std::pair{"topic_id", &said.topic}, {"source", &said.source},
                                 {"event_id", &said.event}, {"artist_id", &said.artist},
                                 {"venue_id", &said.venue}, {"status", &said.status},
                                 {"artist_name", &said.artist_name},
                                 {"venue_name", &said.venue_name}})
        *column = batch.texts(name);
    return said;
}

nb::tuple touched(Gigs& gigs) {
    GrowableArray<int32_t> artists = gigs.artist_side.taken(), venues = gigs.venue_side.taken();
    return nb::make_tuple(handed_over(artists), handed_over(venues));
}

nb::tuple settle(Gigs& gigs, nb::list batches) {
    std::vector<Borrowed> borrowed;
    borrowed.reserve(batches.size());
    std::vector<Statements> parts;
    for (nb::handle batch : batches) {
        borrowed.emplace_back(nb::borrow(batch));
        Statements said = statements(borrowed.back());
        if (said.rows) parts.push_back(said);
    }
    nb::gil_scoped_release released;
    gigs.settle(parts);
    nb::gil_scoped_acquire acquired;
    return touched(gigs);
}

void require_rows(In<int32_t> rows) {
    for (size_t at = 0; at < rows.shape(0); at++)
        if (rows.data()[at] < 0) throw std::invalid_argument("rows: negative");
}

nb::tuple affected_by(Gigs& gigs, In<int32_t> artists, In<int32_t> venues) {
    require_rows(artists);
    require_rows(venues);
    gigs.mark_affected_by(artists.data(), artists.shape(0), venues.data(), venues.shape(0));
    return touched(gigs);
}

nb::tuple columns_of(Plays& found) {
    return nb::make_tuple(handed_over(found.artist), handed_over(found.venue),
                          handed_over(found.at_ms));
}

nb::tuple plays(const Gigs& gigs) {
    Plays found;
    {
        nb::gil_scoped_release released;
        gigs.plays(found);
    }
    return columns_of(found);
}

nb::tuple plays_since(const Gigs& gigs, int64_t gig) {
    if (gig < 0) throw std::invalid_argument("gig: negative");
    Plays found;
    gigs.plays_since(size_t(gig), found);
    return columns_of(found);
}

nb::list since(const Interner& texts, int64_t row) {
    if (row < 0) throw std::invalid_argument("row: negative");
    nb::list found;
    for (; row < texts.size(); row++) found.append(text(texts[row]));
    return found;
}

nb::tuple play_sources(const Gigs& gigs) {
    GrowableArray<int32_t> found;
    {
        nb::gil_scoped_release released;
        gigs.play_sources(found);
    }
    return nb::make_tuple(handed_over(found), since(gigs.sources(), 0));
}

Side& side_of(Gigs& gigs, const std::string& name) {
    if (name == "artist") return gigs.artist_side;
    if (name == "venue") return gigs.venue_side;
    throw std::invalid_argument("side: artist or venue");
}

nb::tuple plays_of(Gigs& gigs, const std::string& name, In<int32_t> rows) {
    require_rows(rows);
    Side& side = side_of(gigs, name);
    bool artists = name == "artist";
    Plays found;
    for (size_t at = 0; at < rows.shape(0); at++)
        gigs.visit(side, rows.data()[at], [&](const Gig& gig) {
            found.artist.push(artists ? int32_t(at) : gig.artist);
            found.venue.push(artists ? gig.venue : int32_t(at));
            found.at_ms.push(gig.at_ms);
        });
    return columns_of(found);
}

nb::tuple counts(const Gigs& gigs, int64_t rows, int64_t) {
    if (rows < int64_t(gigs.artist_side.rows.size()))
        throw std::invalid_argument("artists: more are there");
    int threads = std::min(4, int(std::max(1u, std::thread::hardware_concurrency())));
    Counts found;
    {
        nb::gil_scoped_release released;
        gigs.count(rows, threads, found);
    }
    return nb::make_tuple(handed_over(found.plays), handed_over(found.venue),
                          handed_over(found.indptr));
}

nb::object changes(Gigs& gigs) {
    GrowableArray<int32_t> artist, venue, by;
    if (!gigs.take_changes(artist, venue, by)) return nb::none();
    return nb::make_tuple(handed_over(artist), handed_over(venue), handed_over(by));
}

nb::object nights(Gigs& gigs) {
    GrowableArray<int32_t> venue;
    GrowableArray<int64_t> at_ms;
    if (!gigs.take_nights(venue, at_ms)) return nb::none();
    return nb::make_tuple(handed_over(venue), handed_over(at_ms));
}

nb::object played(Gigs& gigs, const std::string& name) {
    GrowableArray<int32_t> copy;
    for (const Side::Row& row : side_of(gigs, name).rows) copy.push(row.plays);
    return handed_over(copy);
}

// An array that lies in `owner`.
template <class T>
nb::object lent(const void* data, size_t size, nb::handle owner) {
    return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(data, {size}, owner));
}

nb::dict state(nb::handle self) {
    const Gigs& gigs = nb::cast<const Gigs&>(self);
    GrowableArray<int32_t> source, places;
    GrowableArray<uint8_t> deleted;
    gigs.bills(source, deleted);
    gigs.places(places);
    nb::dict found;
    found["gigs"] = lent<uint8_t>(gigs.gigs().data(), gigs.gigs().size() * sizeof(Gig), self);
    found["bill_source"] = handed_over(source);
    found["bill_deleted"] = handed_over(deleted);
    found["chars"] = lent<uint8_t>(gigs.events().chars().data(), gigs.events().chars().size(), self);
    found["ends"] = lent<int64_t>(gigs.events().ends().data(), gigs.events().ends().size(), self);
    found["places"] = handed_over(places);
    found["topics"] = since(gigs.topics(), 0);
    found["sources"] = since(gigs.sources(), 0);
    return found;
}

std::vector<Chars> chars_of(nb::list texts) {
    std::vector<Chars> found;
    for (nb::handle each : texts) found.push_back(chars_of(nb::cast<nb::str>(each)));
    return found;
}

void restore(Gigs& gigs, In<uint8_t> records, In<int32_t> bill_source, In<uint8_t> bill_deleted,
             In<uint8_t> chars, In<int64_t> ends, In<int32_t> places, nb::list topics,
             nb::list sources) {
    size_t count = bill_source.shape(0);
    Saved saved{
        reinterpret_cast<const Gig*>(records.data()), records.shape(0) / sizeof(Gig),
        bill_source.data(), bill_deleted.data(), count,
        reinterpret_cast<const char*>(chars.data()), ends.data(),
        places.data(), places.shape(0) / 2, chars_of(topics), chars_of(sources)};
    bool fits = bill_deleted.shape(0) == count && ends.shape(0) == count &&
                (!count || size_t(ends.data()[count - 1]) <= chars.shape(0)) &&
                places.shape(0) % 2 == 0 && records.shape(0) % sizeof(Gig) == 0 &&
                reinterpret_cast<uintptr_t>(records.data()) % alignof(Gig) == 0;
    if (!fits || !gigs.restore(saved))
        throw std::invalid_argument("what was saved does not fit together");
}

nb::object add_all(Interner& ids, const nb::object& names) {
    Borrowed borrowed(names);
    if (strcmp(borrowed.schema().format, "u")) throw std::invalid_argument("names: not strings");
    int64_t count = borrowed.array().length;
    GrowableArray<int32_t> rows;
    rows.more(size_t(count));
    if (count) {
        TextsOf texts(borrowed.array());
        for (int64_t at = 0; at < count; at++) rows[size_t(at)] = ids.add(texts[at]);
    }
    return handed_over(rows);
}

nb::list names_of(const Names& names, In<int32_t> rows) {
    nb::list found;
    for (size_t at = 0; at < rows.shape(0); at++) {
        int32_t row = rows.data()[at];
        found.append(names.known(row) ? text({names[row].data(), names[row].size()}) : nb::none());
    }
    return found;
}

nb::tuple cells(In<int32_t> rows, In<int32_t> columns, In<int64_t> at_ms, int64_t n_rows,
                int threads) {
    int64_t count = int64_t(rows.shape(0));
    if (columns.shape(0) != rows.shape(0) || at_ms.shape(0) != rows.shape(0))
        throw std::invalid_argument("rows, columns, at_ms: lengths differ");
    if (count > INT32_MAX) throw std::invalid_argument("rows: more than 2147483647 plays");
    for (int64_t k = 0; k < count; k++)
        if (rows.data()[k] < 0 || rows.data()[k] >= n_rows)
            throw std::invalid_argument("rows: out of range");
    Cells found;
    {
        nb::gil_scoped_release released;
        sort_cells(rows.data(), columns.data(), at_ms.data(), count, n_rows, threads, found);
    }
    return nb::make_tuple(handed_over(found.indptr), handed_over(found.column),
                          handed_over(found.begin), handed_over(found.at_ms));
}

}  // namespace

NB_MODULE(_settle, module) {
    using namespace nb::literals;
    nb::class_<Interner>(module, "Interner")
        .def(nb::init<int>(), "bits"_a = 32)
        .def("__len__", &Interner::size)
        .def("add", [](Interner& ids, nb::str name) { return ids.add(chars_of(name)); })
        .def("find", [](const Interner& ids, nb::str name) { return ids.find(chars_of(name)); })
        .def("add_all", &add_all, "names"_a)
        .def("since", &since, "row"_a);
    nb::class_<Names>(module, "Names")
        .def(nb::init<>())
        .def("__len__", &Names::size)
        .def("lookup", &names_of, "rows"_x)
        .def("times_ms",
             [](const Names& names) {
                 GrowableArray<int64_t> times;
                 for (int64_t row = 0; row < names.size(); row++) times.push(names.time_ms(row));
                 return handed_over(times);
             })
        .def("say", [](Names& names, int32_t row, nb::str name, int64_t time_ms) {
            if (row < 0) throw std::invalid_argument("row: negative");
            names.hear(row, chars_of(name), time_ms);
        });
    nb::class_<Gigs>(module, "Gigs")
        .def(nb::init<Interner&, Interner&, Names&, Names&, int>(), "artists"_a, "venues"_a,
             "artist_names"_a, "venue_names"_a, "bits"_a = 32, nb::keep_alive<1, 2>(),
             nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>(), nb::keep_alive<1, 5>())
        .def("__len__", &Gigs::size)
        .def("expect", &Gigs::expect, "rows"_a)
        .def("settle", &settle, "batches"_a)
        .def("share",
             [](Gigs& gigs, In<int32_t> rows, In<int32_t> targets) {
                 if (rows.shape(0) != targets.shape(0))
                     throw std::invalid_argument("targets: one of each row");
                 gigs.share(rows.data(), targets.data(), rows.shape(0));
             },
             "rows"_x, "targets"_x)
        .def("affected_by", &affected_by, "artists"_x, "venues"_x)
        .def("plays", &plays)
        .def("plays_since", &plays_since, "gig"_a)
        .def("play_sources", &play_sources)
        .def("plays_of", &plays_of, "side"_a, "rows"_x)
        .def("played", &played, "side"_a)
        .def("changes", &changes)
        .def("nights", &nights)
        .def("counts", &counts, "artists"_a, "venues"_a)
        .def("superseded", &Gigs::superseded)
        .def("unmatched", &Gigs::unmatched)
        .def("newest",
             [](const Gigs& gigs, int64_t latest_ms) {
                 Newest found = gigs.newest(latest_ms);
                 nb::object within = nb::int_(found.within_ms);
                 return nb::make_tuple(found.any() ? within : nb::none(), found.ahead);
             },
             "latest_ms"_a)
        .def("state", &state)
        .def("restore", &restore, "gigs"_x, "bill_source"_x, "bill_deleted"_x, "chars"_x, "ends"_x,
             "places"_x, "topics"_a, "sources"_a)
        .def_prop_ro("play_count", [](const Gigs& gigs) { return gigs.play_count; })
        .def_prop_ro("turns", [](const Gigs& gigs) { return gigs.turns; });
    module.def("cells", &cells, "rows"_x, "columns"_x, "at_ms"_x, "n_rows"_a, "threads"_a);
}
