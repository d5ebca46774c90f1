// What is found out of statements before they are settled, in a thread that goes ahead: the rows of
// their artists and venues and, where that is little to do, of their bills.
#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>

#include "settle/gigs.hpp"

namespace gigstream {

constexpr size_t EVENT_CHARS = 24;  // of an event id: room that is not used costs nothing

// The rows of a column's texts, in steps over some of them, each of which brings near what the
// next one looks at. Texts in a dictionary are looked up once, and the rows of statements are taken
// by their codes; which ones are new is left to the statements, as some may be no statement's.
class Gigs::Numbering {
public:
    Numbering(Interner& ids, const TextsOf& texts, int64_t rows) : ids_(ids), texts_(texts) {
        // Most of a dictionary that was made for more rows than these would be looked up in vain.
        if (texts.codes > rows) return;
        known_.resize(size_t(texts.codes));
        for (int64_t begin = 0; begin < int64_t(known_.size()); begin += AHEAD) {
            int64_t stop = std::min(begin + AHEAD, int64_t(known_.size()));
            for (int64_t code = begin; code < stop; code++) ask(texts_.coded(code), code - begin);
            for (int64_t at = 0; at < stop - begin; at++) expect(at);
            for (int64_t at = 0; at < stop - begin; at++) approach(at);
            for (int64_t code = begin; code < stop; code++)
                known_[size_t(code)] = ids_.find(texts_.coded(code), tags_[code - begin]);
        }
    }
    void begin(int64_t row, int64_t at) {
        int64_t code = known_.empty() ? -1 : texts_.code(row);
        found_[at] = code < 0 ? -1 : known_[size_t(code)];
        if (found_[at] < 0) ask(texts_[row], at);
    }
    void expect(int64_t at) { likely_[at] = found_[at] < 0 ? ids_.expect(tags_[at]) : -1; }
    void approach(int64_t at) const { ids_.approach(likely_[at]); }
    int32_t number(int64_t row, int64_t at) {
        if (found_[at] >= 0) return found_[at];
        int32_t number = ids_.add(texts_[row], tags_[at]);
        int64_t code = known_.empty() ? -1 : texts_.code(row);
        if (code >= 0) known_[size_t(code)] = number;
        return number;
    }

private:
    void ask(Chars text, int64_t at) {
        found_[at] = -1;
        ids_.prefetch(tags_[at] = ids_.tag(text));
    }

    Interner& ids_;
    const TextsOf& texts_;
    std::vector<int32_t> known_;  // by code; -1: not known
    int32_t found_[AHEAD], likely_[AHEAD];
    uint32_t tags_[AHEAD];
};

// Preparing goes ahead of settling, by a ring at most, in a thread of its own where it pays.
class Gigs::Preparing {
public:
    Preparing(Gigs& gigs, const std::vector<Statements>& parts, int64_t rows)
        : gigs_(gigs), parts_(parts), rows_(rows) {
        if (rows >= ALONE) thread_ = std::thread([this] { run(); });
    }
    ~Preparing() {
        settled_ = rows_;
        if (thread_.joinable()) thread_.join();
    }
    // Until `end` rows are prepared.
    void wait(int64_t end) {
        if (!thread_.joinable() && !prepared_) run();
        while (prepared_.load(std::memory_order_acquire) < end) std::this_thread::yield();
        if (failed_) std::rethrow_exception(failed_);
    }
    void settled(int64_t end) { settled_.store(end, std::memory_order_release); }

private:
    void run() {
        try {
            for (const Statements& said : parts_) run(said);
        } catch (...) {
            failed_ = std::current_exception();
            prepared_.store(rows_, std::memory_order_release);
        }
    }
    void run(const Statements& said) {
        Numbering artists(gigs_.artists_, said.artist, said.rows);
        Numbering venues(gigs_.venues_, said.venue, said.rows);
        for (int64_t row = 0; row < said.rows; row += BLOCK) {
            int64_t end = std::min(row + BLOCK, said.rows);
            while (said.first + end - settled_.load(std::memory_order_acquire) > int64_t(RING))
                std::this_thread::yield();
            gigs_.prepare(said, artists, venues, row, end);
            prepared_.store(said.first + end, std::memory_order_release);
        }
    }

    Gigs& gigs_;
    const std::vector<Statements>& parts_;
    int64_t rows_;
    std::exception_ptr failed_;
    std::atomic<int64_t> prepared_{0}, settled_{0};
    std::thread thread_;
};

void Gigs::settle(std::vector<Statements>& parts) {
    int64_t rows = 0;
    for (Statements& said : parts) {
        said.first = rows;
        rows += said.rows;
    }
    prepared_.cover(RING, Prepared{});
    expect(size_t(rows));
    Preparing preparing(*this, parts, rows);
    for (const Statements& said : parts)
        for (int64_t row = 0; row < said.rows; row += BLOCK) {
            int64_t end = std::min(row + BLOCK, said.rows);
            preparing.wait(said.first + end);
            settle_block(said, row, end);
            preparing.settled(said.first + end);
        }
}

// Where most is new, growing by halves would move all of it again and again.
void Gigs::expect(size_t rows) {
    if (rows < bills_.size()) return;
    slots_.reserve(rows);
    events_.reserve(rows, rows * EVENT_CHARS);
    bill_source_.reserve(rows);
    bills_.reserve(rows);
    gigs_.reserve(rows);
    next_.reserve(rows);
}

void Gigs::prepare(const Statements& said, Numbering& artists, Numbering& venues, int64_t begin,
                   int64_t end) {
    const Chars deleted{"deleted", 7}, cancelled{"cancelled", 9};
    int32_t source = -1;
    Chars last_source;
    for (; begin < end; begin += AHEAD) {
        int64_t stop = std::min(begin + AHEAD, end);
        for (int64_t row = begin; row < stop; row++) {
            artists.begin(row, row - begin);
            venues.begin(row, row - begin);
            Prepared& known = prepared(said, row);
            if (source < 0 || !(said.source[row] == last_source))
                source = sources_.add(last_source = said.source[row]);
            known.source = source;
            known.tag = tag(said.event[row], source);
            if (said.coded()) slots_.prefetch(known.tag);
            known.deletes = said.status[row] == deleted;
            known.cancels = said.status[row] == cancelled;
        }
        for (int64_t at = 0; at < stop - begin; at++) artists.expect(at), venues.expect(at);
        for (int64_t at = 0; at < stop - begin; at++) artists.approach(at), venues.approach(at);
        for (int64_t row = begin; row < stop; row++) {
            Prepared& known = prepared(said, row);
            if (known.deletes) continue;
            known.artist = artists.number(row, row - begin);
            known.venue = venues.number(row, row - begin);
            if (!said.artist_name.nothing && said.artist_name.said[row])
                artist_names_.hear(known.artist, said.artist_name[row], said.time_us[row] / 1000);
            if (!said.venue_name.nothing && said.venue_name.said[row])
                venue_names_.hear(known.venue, said.venue_name[row], said.time_us[row] / 1000);
        }
        if (said.coded()) number_bills(said, begin, stop);
    }
}

void Gigs::number_bills(const Statements& said, int64_t begin, int64_t end) {
    int32_t likely[AHEAD];
    for (int64_t row = begin; row < end; row++) {
        int32_t number = likely[row - begin] = slots_.likely(prepared(said, row).tag);
        if (number < 0) continue;
        events_.prefetch(number);
        __builtin_prefetch(&bill_source_[size_t(number)]);
    }
    for (int64_t row = begin; row < end; row++)
        if (likely[row - begin] >= 0) __builtin_prefetch(events_[likely[row - begin]].at);
    for (int64_t row = begin; row < end; row++) {
        Prepared& known = prepared(said, row);
        known.bill = bill(said.event[row], known.source, known.tag);
    }
}

int32_t Gigs::bill(Chars event, int32_t source, uint32_t tag) {
    int32_t row = slots_.find(tag, [&](int32_t at) {
        return bill_source_[size_t(at)] == source && events_[at] == event;
    });
    if (row >= 0) return row;
    if (events_.size() == INT32_MAX) throw std::length_error("more than 2147483647 bills");
    row = int32_t(events_.size());
    events_.add(event);
    bill_source_.push(source);
    slots_.add(tag, row);
    return row;
}

}  // namespace gigstream
