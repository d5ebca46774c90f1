#include "settle/gigs.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "base/threads.hpp"

namespace gigstream {

namespace {

constexpr int CROWD = 32, NEAR = 64;
constexpr uint32_t PLACES = 1u << 29;

uint64_t both(int32_t one, int32_t other) { return uint64_t(uint32_t(one)) << 32 | uint32_t(other); }

}  // namespace

void Names::hear(int32_t row, Chars name, int64_t time_ms) {
    if (size_t(row) >= said_.size()) said_.resize(std::max(size_t(row) + 1, said_.size() * 3 / 2));
    Said& said = said_[size_t(row)];
    Chars held{said.name.data(), said.name.size()};
    if (said.known && (time_ms < said.time_ms || (time_ms == said.time_ms && name.compared(held) <= 0)))
        return;
    if (!(held == name)) said.name.assign(name.at, name.size);
    said.time_ms = time_ms;
    said.known = true;
}

int32_t Visits::row_of(const GrowableArray<Gig>& gigs, int32_t at) const { return gigs[size_t(at)].*row_; }

void Visits::catch_up(const GrowableArray<Gig>& gigs) {
    size_t waiting = gigs.size() - size_t(chained_) + links_.size();
    if (waiting > 1000 && waiting > listed_.size() / 4) return list(gigs);
    for (; size_t(chained_) < gigs.size(); chained_++) chain(chained_, row_of(gigs, chained_));
}

void Visits::list(const GrowableArray<Gig>& gigs) {
    begin_.clear();
    begin_.cover(2, 0);
    for (const Gig& gig : gigs) {
        size_t row = size_t(gig.*row_);
        begin_.cover(row + 3, 0);
        begin_[row + 2]++;
    }
    for (size_t row = 2; row < begin_.size(); row++) begin_[row] += begin_[row - 1];
    listed_.clear();
    listed_.more(gigs.size());
    for (size_t at = 0; at < gigs.size(); at++)
        listed_[size_t(begin_[size_t(gigs[at].*row_) + 1]++)] = int32_t(at);
    begin_.cut(begin_.size() - 1);
    head_.clear();
    links_.clear();
    chained_ = int32_t(gigs.size());
}

void Gigs::settle_block(const Statements& said, int64_t begin, int64_t end) {
    int32_t topic = -1;
    uint32_t near[NEAR] = {};  // places of the topic, by the last bits of their partition
    Chars last_topic;
    for (; begin < end; begin += AHEAD) {
        int64_t stop = std::min(begin + AHEAD, end);
        if (!said.coded()) {
            for (int64_t row = stop; row < std::min(stop + AHEAD, end); row++)
                slots_.prefetch(prepared(said, row).tag);
            number_bills(said, begin, stop);
        }
        for (int64_t row = begin; row < stop; row++) {
            size_t number = size_t(prepared(said, row).bill);
            bills_.cover(number + 1, Bill{});
            __builtin_prefetch(&bills_[number]);
        }
        for (int64_t row = begin; row < stop; row++) {
            const Prepared& known = prepared(said, row);
            int32_t head = bills_[size_t(known.bill)].head;
            if (head >= 0) __builtin_prefetch(&gigs_[size_t(head)]);
            if (known.deletes) continue;
            artist_side.expect(known.artist);
            venue_side.expect(known.venue);
        }
        for (int64_t row = begin; row < stop; row++) {
            if (prepared(said, row).deletes) {
                delete_event(prepared(said, row).bill);
                continue;
            }
            if (topic < 0 || !(said.topic[row] == last_topic))
                topic = topics_.add(last_topic = said.topic[row]);
            int32_t partition = said.partition[row];
            uint32_t& here = near[uint32_t(partition) % NEAR];
            bool known = here < places_.size() && places_[here].partition == partition;
            if (!known || places_[here].topic != topic) here = place(topic, partition);
            take(said, row, here);
        }
    }
}

uint32_t Gigs::place(int32_t topic, int32_t partition) {
    auto found = place_rows_.find(both(topic, partition));
    if (found != place_rows_.end()) return found->second;
    if (places_.size() == PLACES) throw std::length_error("more than 536870912 partitions");
    uint32_t row = uint32_t(places_.size());
    place_rows_.emplace(both(topic, partition), row);
    places_.push_back({topic, partition});
    return row;
}

void Gigs::take(const Statements& said, int64_t row, uint32_t place) {
    const Prepared& known = prepared(said, row);
    int32_t number = known.bill;
    Gig gig;
    gig.version = said.version.said[row] ? said.version[row] : -1;
    gig.time = said.time_us[row] / 1000;
    gig.recorded = said.recorded_us[row] / 1000;
    gig.offset = said.offset[row];
    gig.digest = said.digest[row];
    gig.at_ms = said.starts_us.said[row] ? said.starts_us[row] / 1000 : gig.time;
    gig.artist = known.artist;
    gig.venue = known.venue;
    gig.bill = number;
    gig.place = place;
    gig.cancelled = known.cancels;
    gig.deleted = bills_[size_t(number)].deleted;
    gig.shared = !shared_.empty() && shared_.count(gig.artist);
    int32_t at = find(bills_[size_t(number)], number, gig.artist);
    if (at < 0)
        add(gig);
    else if (compared(gig, gigs_[size_t(at)]) > 0)
        replace(at, gig);
}

int32_t Gigs::find(const Bill& bill, int32_t number, int32_t artist) {
    if (bill.crowded) {
        auto found = crowd_.find(both(number, artist));
        return found == crowd_.end() ? -1 : found->second;
    }
    int seen = 0;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)], seen++)
        if (gigs_[size_t(at)].artist == artist) return at;
    if (seen >= CROWD) {
        bills_[size_t(number)].crowded = true;
        for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)])
            crowd_.emplace(both(number, gigs_[size_t(at)].artist), at);
    }
    return -1;
}

void Gigs::add(const Gig& gig) {
    if (gigs_.size() == INT32_MAX) throw std::length_error("more than 2147483647 gigs");
    Bill& bill = bills_[size_t(gig.bill)];
    int32_t at = int32_t(gigs_.size());
    if (gig.shared) each_same_gig(gig, [&](const Gig& other) { adjust_counts(other, -1); });
    gigs_.push(gig);
    next_.push(bill.head);
    bill.head = at;
    if (bill.crowded) crowd_.emplace(both(gig.bill, gig.artist), at);
    if (gig.shared)
        each_same_gig(gig, [&](const Gig& other) { adjust_counts(other, 1), mark(other); });
    else if (counts(gig))
        adjust_counts(gig, 1), mark(gig);
}

void Gigs::replace(int32_t at, const Gig& gig) {
    Gig& held = gigs_[size_t(at)];
    bool contested = gig.shared, was = counts(held);
    bool moved = held.venue != gig.venue || held.at_ms != gig.at_ms;
    if (contested)
        each_same_gig(held, [&](const Gig& other) { adjust_counts(other, -1), mark(other); });
    else if (was && (gig.cancelled || moved))
        mark(held);
    if (!contested) adjust_counts(held, -1);
    if (held.venue != gig.venue) venue_side.visits.moved(at, gig.venue);
    held = gig;
    if (contested)
        each_same_gig(held, [&](const Gig& other) { adjust_counts(other, 1), mark(other); });
    else if (counts(held) && (!was || moved))
        mark(held);
    if (!contested) adjust_counts(held, 1);
}

void Gigs::delete_event(int32_t number) {
    Bill& bill = bills_[size_t(number)];
    if (bill.deleted) return;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)]) {
        const Gig& gig = gigs_[size_t(at)];
        if (!counts(gig)) continue;
        adjust_counts(gig, -1);
        mark(gig);
    }
    bill.deleted = true;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)]) gigs_[size_t(at)].deleted = 1;
}

// Counts a gig, or takes it back, where it is a play.
void Gigs::adjust_counts(const Gig& gig, int by) {
    if (!counts(gig)) return;
    int32_t& of_artist = artist_side.rows[size_t(gig.artist)].plays;
    int32_t& of_venue = venue_side.rows[size_t(gig.venue)].plays;
    of_artist += by;
    of_venue += by;
    turns += of_artist == (by > 0) || of_venue == (by > 0);
    play_count += by;
    if (!noted_) return;
    changes_.push({gig.artist, gig.venue, by});
    if (int64_t(changes_.size()) > play_count / 2 + 100'000) forget_changes();
}

bool Gigs::take_changes(GrowableArray<int32_t>& artist, GrowableArray<int32_t>& venue, GrowableArray<int32_t>& by) {
    for (const Change& change : changes_) {
        artist.push(change.artist);
        venue.push(change.venue);
        by.push(change.by);
    }
    changes_.clear();
    return std::exchange(noted_, true);
}

bool Gigs::take_nights(GrowableArray<int32_t>& venue, GrowableArray<int64_t>& at_ms) {
    GrowableArray<Night> nights;
    nights.swap(nights_);
    if (nights.size() > MOST_NIGHTS) return false;
    for (const Night& night : nights) {
        venue.push(night.venue);
        at_ms.push(night.at_ms);
    }
    return true;
}

void Gigs::forget_changes() {
    GrowableArray<Change>().swap(changes_);
    noted_ = false;
}

int Gigs::compared(const Gig& one, const Gig& other) const {
    auto order = [](int64_t a, int64_t b) { return a < b ? -1 : a > b; };
    int found = order(one.version, other.version);
    if (!found) found = order(one.time, other.time);
    if (!found) found = order(one.recorded, other.recorded);
    if (!found && one.place != other.place) {
        Place a = places_[one.place], b = places_[other.place];
        if (a.topic != b.topic) found = topics_[a.topic].compared(topics_[b.topic]);
        if (!found) found = order(a.partition, b.partition);
    }
    if (!found) found = order(one.offset, other.offset);
    if (!found) found = order(one.digest, other.digest);
    return found;
}

bool Gigs::is_same(const Gig& one, const Gig& other) const {
    if (!other.shared) return false;
    return shared_.at(one.artist) == shared_.at(other.artist);
}

// Whether a greater statement was made of the same artist under another id.
bool Gigs::is_superseded(const Gig& gig) const {
    for (int32_t at = bills_[size_t(gig.bill)].head; at >= 0; at = next_[size_t(at)]) {
        const Gig& other = gigs_[size_t(at)];
        if (other.artist == gig.artist || !is_same(gig, other)) continue;
        int order = compared(other, gig);
        if (order > 0 || (order == 0 && &other > &gig)) return true;
    }
    return false;
}

// Itself, where it is there, and what was said of the same artist under other ids.
template <class Take>
void Gigs::each_same_gig(const Gig& gig, Take take) {
    Gig asked = gig;
    for (int32_t at = bills_[size_t(asked.bill)].head; at >= 0; at = next_[size_t(at)])
        if (is_same(asked, gigs_[size_t(at)])) take(gigs_[size_t(at)]);
}

bool Gigs::fits(const Saved& saved) const {
    auto within = [](int64_t row, size_t count) { return row >= 0 && row < int64_t(count); };
    auto differ = [](const std::vector<Chars>& texts) {
        std::set<std::string_view> found;
        for (Chars text : texts) found.insert({text.at, text.size});
        return found.size() == texts.size();
    };
    bool whole = !gigs_.size() && !bills_.size() && saved.gig_count <= size_t(INT32_MAX) &&
                 saved.bill_count <= size_t(INT32_MAX) && differ(saved.topics) &&
                 differ(saved.sources);
    std::set<std::pair<int32_t, int32_t>> places;
    for (size_t at = 0; at < saved.place_count; at++)
        whole &= within(saved.places[2 * at], saved.topics.size()) &&
                 places.insert({saved.places[2 * at], saved.places[2 * at + 1]}).second;
    for (size_t at = 0; at < saved.bill_count; at++)
        whole &= within(saved.bill_source[at], saved.sources.size()) &&
                 (at ? saved.ends[at - 1] : 0) <= saved.ends[at];
    for (size_t at = 0; at < saved.gig_count; at++) {
        const Gig& gig = saved.gigs[at];
        whole &= within(gig.artist, size_t(artists_.size())) &&
                 within(gig.venue, size_t(venues_.size())) && within(gig.bill, saved.bill_count) &&
                 within(gig.place, saved.place_count);
    }
    return whole;
}

bool Gigs::restore(const Saved& saved) {
    if (!fits(saved)) return false;
    for (Chars topic : saved.topics) topics_.add(topic);
    for (Chars source : saved.sources) sources_.add(source);
    for (size_t at = 0; at < saved.place_count; at++)
        place(saved.places[2 * at], saved.places[2 * at + 1]);
    slots_.reserve(saved.bill_count);
    for (size_t at = 0; at < saved.bill_count; at++) {
        int64_t begin = at ? saved.ends[at - 1] : 0;
        Chars event{saved.chars + begin, size_t(saved.ends[at] - begin)};
        int32_t source = saved.bill_source[at];
        events_.add(event);
        bill_source_.push(source);
        bills_.push({-1, saved.bill_deleted[at] != 0});
        slots_.add(tag(event, source), int32_t(at));
    }
    gigs_.more(saved.gig_count);
    next_.more(saved.gig_count);
    for (size_t at = 0; at < saved.gig_count; at++) {
        Gig& gig = gigs_[at] = saved.gigs[at];
        gig.shared = 0;
        Bill& bill = bills_[size_t(gig.bill)];
        next_[at] = bill.head;
        bill.head = int32_t(at);
        artist_side.expect(gig.artist);
        venue_side.expect(gig.venue);
        adjust_counts(gig, 1);
    }
    return true;
}

void Gigs::bills(GrowableArray<int32_t>& source, GrowableArray<uint8_t>& deleted) const {
    for (int32_t each : bill_source_) source.push(each);
    for (const Bill& bill : bills_) deleted.push(bill.deleted);
}

void Gigs::places(GrowableArray<int32_t>& out) const {
    for (const Place& place : places_) {
        out.push(place.topic);
        out.push(place.partition);
    }
}

void Gigs::share(const int32_t* rows, const int32_t* targets, size_t count) {
    forget_changes();
    shared_.clear();
    for (size_t i = 0; i < count; i++) shared_.emplace(rows[i], targets[i]);
    for (Gig& gig : gigs_) gig.shared = !shared_.empty() && shared_.count(gig.artist);
    for (Side* side : {&artist_side, &venue_side})
        for (Side::Row& row : side->rows) row.plays = 0;
    play_count = 0;
    turns++;
    for (const Gig& gig : gigs_) adjust_counts(gig, 1);
}

void Gigs::mark_affected_by(const int32_t* artists, size_t artist_count, const int32_t* venues,
                     size_t venue_count) {
    auto near = [&](int32_t at) {
        Gig& gig = gigs_[size_t(at)];
        mark(gig);
        if (gig.shared) each_same_gig(gig, [&](const Gig& other) { mark(other); });
    };
    for (size_t i = 0; i < artist_count; i++) artist_side.visits.each(gigs_, artists[i], near);
    for (size_t i = 0; i < venue_count; i++) venue_side.visits.each(gigs_, venues[i], near);
}

void Gigs::plays(Plays& out) const {
    int32_t* artist = out.artist.more(size_t(play_count));
    int32_t* venue = out.venue.more(size_t(play_count));
    int64_t* at_ms = out.at_ms.more(size_t(play_count));
    for (const Gig& gig : gigs_) {
        if (!counts(gig)) continue;
        *artist++ = gig.artist;
        *venue++ = gig.venue;
        *at_ms++ = gig.at_ms;
    }
}

void Gigs::plays_since(size_t gig, Plays& out) const {
    for (; gig < gigs_.size(); gig++) {
        const Gig& each = gigs_[gig];
        if (!counts(each)) continue;
        out.artist.push(each.artist);
        out.venue.push(each.venue);
        out.at_ms.push(each.at_ms);
    }
}

void Gigs::play_sources(GrowableArray<int32_t>& out) const {
    int32_t* source = out.more(size_t(play_count));
    for (const Gig& gig : gigs_)
        if (counts(gig)) *source++ = bill_source_[size_t(gig.bill)];
}

Newest Gigs::newest(int64_t latest_ms) const {
    Newest found;
    for (const Gig& gig : gigs_) {
        if (gig.time <= found.within_ms || !counts(gig)) continue;
        if (gig.time <= latest_ms)
            found.within_ms = gig.time;
        else
            found.ahead++;
    }
    return found;
}

int64_t Gigs::unmatched() const {
    int64_t count = 0;
    for (const Bill& bill : bills_) count += bill.deleted && bill.head < 0;
    return count;
}

int64_t Gigs::superseded() const {
    int64_t count = 0;
    for (const Gig& gig : gigs_) count += gig.shared && is_superseded(gig);
    return count;
}

void Gigs::count(int64_t rows, int threads, Counts& out) const {
    threads = gigs_.size() < size_t(ALONE) ? 1 : threads;
    std::vector<int64_t> begin(size_t(rows) + 1, 0);
    for (size_t row = 0; row < size_t(rows); row++)
        begin[row + 1] = begin[row] + (row < artist_side.rows.size() ? artist_side.rows[row].plays : 0);
    std::vector<int64_t> next(begin.begin(), begin.end());
    GrowableArray<int32_t> venue;
    venue.more(size_t(begin.back()));
    side_by_side(threads, [&](int one) {
        size_t stop = gigs_.size() * size_t(one + 1) / size_t(threads);
        for (size_t at = gigs_.size() * size_t(one) / size_t(threads); at < stop; at++) {
            const Gig& gig = gigs_[at];
            if (gig.cancelled || gig.deleted) continue;
            int64_t place = __atomic_fetch_add(&next[size_t(gig.artist)], 1, __ATOMIC_RELAXED);
            venue[size_t(place)] = gig.venue;
        }
    });
    std::vector<int64_t> parts = ranges(begin.data(), rows, threads);
    int32_t* indptr = out.indptr.more(size_t(rows) + 1);
    indptr[0] = 0;
    side_by_side(threads, [&](int one) {
        for (int64_t row = parts[size_t(one)]; row < parts[size_t(one) + 1]; row++) {
            int32_t *from = venue.begin() + begin[size_t(row)], *to = venue.begin() + begin[size_t(row) + 1];
            std::sort(from, to);
            int32_t found = from < to;
            for (int32_t* at = from + 1; at < to; at++) found += at[-1] != *at;
            indptr[row + 1] = found;
        }
    });
    for (int64_t row = 0; row < rows; row++) indptr[row + 1] += indptr[row];
    out.venue.more(size_t(indptr[rows]));
    out.plays.more(size_t(indptr[rows]));
    side_by_side(threads, [&](int one) {
        for (int64_t row = parts[size_t(one)]; row < parts[size_t(one) + 1]; row++) {
            int32_t pair = indptr[row] - 1;
            for (int64_t k = begin[size_t(row)]; k < begin[size_t(row) + 1]; k++) {
                if (k == begin[size_t(row)] || venue[size_t(k)] != venue[size_t(k) - 1]) {
                    out.venue[size_t(++pair)] = venue[size_t(k)];
                    out.plays[size_t(pair)] = 0;
                }
                out.plays[size_t(pair)]++;
            }
        }
    });
}

}  // namespace gigstream
