// Takes only what is certain: whatever needs a thought (an escape, a float that may be written in
// two ways, an alias, a second field of one name, an error) is left to consumer.events.decode.
#include "decode/statement.hpp"

#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace gigstream {
namespace {

using std::string_view;

constexpr int MAX_ID_BYTES = 256;
constexpr int MAX_NAME_CHARACTERS = 1000;
constexpr int64_t DAY_MS = 86'400'000;
constexpr int64_t MAX_AHEAD_MS = DAY_MS;
constexpr int64_t MAX_START_MS = (5 * 365 + 2) * DAY_MS;
constexpr int64_t LEAST_MS = 100'000'000'000;  // a smaller number is of another unit
constexpr string_view STATUSES[] = {"confirmed", "rescheduled", "postponed", "performed",
                                    "cancelled"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Days since 1970 of a date of the Gregorian calendar (Hinnant's days_from_civil, year > 0).
int64_t days(int year, int month, int day) {
    year -= month <= 2;
    int era = year / 400, of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146'097LL + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

int days_of(int year, int month) {
    constexpr int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && leap);
}

// A cursor over a text of a known size; `good` turns false at the first thing unexpected.
struct Clock {
    const char* at;
    const char* end;
    bool good = true;

    int digits(int count) {
        if (end - at < count) good = false;
        int number = 0;
        for (int i = 0; good && i < count; i++) {
            unsigned digit = unsigned(at[i]) - '0';
            good = digit < 10;
            number = number * 10 + int(digit);
        }
        at += good ? count : 0;
        return number;
    }
    void expect(char c) { good = good && at < end && *at++ == c; }
    int within(int low, int high, int number) {
        good &= low <= number && number <= high;
        return number;
    }
};

// Midnight of YYYY-MM-DD. The first and the last years are left to Python: an offset leaves them.
int64_t date_ms(Clock& clock) {
    int year = clock.within(2, 9998, clock.digits(4));
    clock.expect('-');
    int month = clock.within(1, 12, clock.digits(2));
    clock.expect('-');
    int day = clock.digits(2);
    if (!clock.good) return 0;
    clock.within(1, days_of(year, month), day);
    return days(year, month, day) * DAY_MS;
}

int64_t of_day_ms(Clock& clock) {
    int hours = clock.within(0, 23, clock.digits(2));
    clock.expect(':');
    int minutes = clock.within(0, 59, clock.digits(2));
    clock.expect(':');
    int seconds = clock.within(0, 59, clock.digits(2));
    int64_t milliseconds = 0;
    if (clock.good && clock.at < clock.end && *clock.at == '.') {
        clock.at++;
        int scale = 1000;  // up to three digits: more of them are rounded, by Python
        for (; scale > 1 && clock.at < clock.end && is_digit(*clock.at); clock.at++)
            milliseconds += (*clock.at - '0') * (scale /= 10);
        clock.good &= scale < 1000;
    }
    return ((hours * 60LL + minutes) * 60 + seconds) * 1000 + milliseconds;
}

int64_t offset_ms(Clock& clock) {
    if (!clock.good || clock.at == clock.end) {
        clock.good = false;
        return 0;
    }
    char sign = *clock.at++;
    if (sign == 'Z') return 0;
    int hours = clock.within(0, 23, clock.digits(2));
    clock.expect(':');
    int minutes = clock.within(0, 59, clock.digits(2));
    clock.good &= sign == '+' || (sign == '-' && hours + minutes > 0);
    return (sign == '-' ? -1 : 1) * (hours * 60LL + minutes) * 60'000;
}

// RFC 3339 with an offset, or a bare date where that is allowed.
bool instant(Text text, bool or_date, Number& out) {
    Clock clock{text.at, text.at + text.size};
    out.said = true;
    out.value = date_ms(clock);
    if (!(or_date && clock.at == clock.end)) {
        clock.expect('T');
        out.value += of_day_ms(clock);
        out.value -= offset_ms(clock);
    }
    return clock.good && clock.at == clock.end;
}

bool is_utf8(Text text) {
    auto at = reinterpret_cast<const uint8_t*>(text.at), end = at + text.size;
    while (at < end) {
        uint8_t lead = *at++;
        if (lead < 0x80) continue;
        int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || end - at < more) return false;
        uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (*at < low || *at > high) return false;
        for (at++; --more; at++)
            if (*at < 0x80 || *at > 0xbf) return false;
    }
    return true;
}

// Whether U+0080 to U+009F occur; ASCII's control characters never come this far.
bool has_control(Text text) {
    for (int32_t i = 0; i + 1 < text.size; i++)
        if (uint8_t(text.at[i]) == 0xc2 && uint8_t(text.at[i + 1]) < 0xa0) return true;
    return false;
}

bool is_id(Text text) {
    return text.size > 0 && text.size <= MAX_ID_BYTES && (text.ascii || !has_control(text));
}

// Reads JSON from left to right. A verb returns false where the record is not for us.
class Reader {
public:
    Reader(const char* at, const char* end) : at_(at), end_(end) {}

    bool done() {
        space();
        return at_ == end_;
    }

    bool take(char c) {
        space();
        if (*at_ != c) return false;
        at_++;
        return true;
    }

    // `null`: said to be nothing.
    bool null() {
        space();
        if (memcmp(at_, "null", 4) != 0) return false;
        at_ += 4;
        return true;
    }

    bool quoted() {
        space();
        return *at_ == '"';
    }

    bool text(Text& out) {
        if (!take('"')) return false;
        out.at = at_;
        out.ascii = true;
        skip_plain(out.ascii);
        out.size = int32_t(at_ - out.at);
        return *at_++ == '"' && (out.ascii || is_utf8(out));
    }

    bool integer(int most_digits, Number& out) {
        space();
        bool negative = *at_ == '-';
        const char* first = at_ += negative;
        out.value = 0;
        for (; is_digit(*at_) && at_ - first < most_digits; at_++)
            out.value = out.value * 10 + (*at_ - '0');
        if (at_ == first || (*first == '0' && (negative || at_ - first > 1))) return false;
        out.said = true;
        if (negative) out.value = -out.value;
        return ends_number();
    }

    // A number of at most 15 digits, which is a float of the very same digits, as JSON writes it.
    bool degrees(double bound, std::string& out) {
        space();
        const char* begin = at_;
        at_ += *at_ == '-';
        const char* first = at_;
        double digits = 0, scale = 1;
        for (; is_digit(*at_); at_++) digits = digits * 10 + (*at_ - '0');
        const char* point = at_;
        if (*at_ == '.')
            for (at_++; is_digit(*at_); at_++, scale *= 10) digits = digits * 10 + (*at_ - '0');
        bool whole = point == at_;
        bool plain = point > first && (point == first + 1 || *first != '0') && at_ - first <= 15 &&
                     (whole || at_ > point + 1);
        // Below a thousandth a float may be written with an exponent, and zero may have a sign.
        if (!plain || digits / scale > bound || digits / scale < 0.001) return false;
        const char* last = at_;
        while (!whole && last[-1] == '0' && last[-2] != '.') last--;
        out.assign(begin, size_t(last - begin));
        if (whole) out += ".0";
        return ends_number();
    }

private:
    void space() {
        while (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r') at_++;
    }

    // Digits that do not end here are a float, an exponent or too many.
    bool ends_number() const {
        return *at_ == ',' || *at_ == '}' || *at_ == ' ' || *at_ == '\n' || *at_ == '\t' ||
               *at_ == '\r';
    }

    // To the next quote, backslash, control character or DEL.
    void skip_plain(bool& ascii) {
#ifdef __SSE2__
        for (;; at_ += 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i*)at_);
            __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                         _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
            __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            stops = _mm_or_si128(stops, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
            unsigned stop = unsigned(_mm_movemask_epi8(_mm_or_si128(stops, control)));
            unsigned high = unsigned(_mm_movemask_epi8(bytes));
            if (!stop) {
                ascii &= !high;
                continue;
            }
            unsigned before = unsigned(__builtin_ctz(stop));
            ascii &= !(high & ((1u << before) - 1));
            at_ += before;
            return;
        }
#else
        for (;; at_++) {
            uint8_t c = uint8_t(*at_);
            if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f) return;
            ascii &= c < 0x80;
        }
#endif
    }

    const char* at_;
    const char* end_;
};

enum Field : unsigned {
    EVENT_ID, ARTIST_ID, VENUE_ID, TIME, SOURCE, STATUS, VERSION, STARTS_AT, ARTIST_NAME,
    VENUE_NAME, VENUE, ARTIST, UNKNOWN
};

constexpr unsigned REQUIRED = 1u << EVENT_ID | 1u << ARTIST_ID | 1u << VENUE_ID | 1u << TIME;

// Whether a text of that very size says this; the compiler makes a few words' comparison of it.
template <size_t N>
bool is(const char* at, const char (&known)[N]) {
    return memcmp(at, known, N - 1) == 0;
}

Field field(Text name) {
    const char* at = name.at;
    switch (name.size) {
        case 4: return is(at, "time") ? TIME : UNKNOWN;
        case 5: return is(at, "venue") ? VENUE : UNKNOWN;
        case 6:
            return is(at, "source")   ? SOURCE
                   : is(at, "status") ? STATUS
                   : is(at, "artist") ? ARTIST
                                      : UNKNOWN;
        case 7: return is(at, "version") ? VERSION : UNKNOWN;
        case 8: return is(at, "event_id") ? EVENT_ID : is(at, "venue_id") ? VENUE_ID : UNKNOWN;
        case 9: return is(at, "artist_id") ? ARTIST_ID : is(at, "starts_at") ? STARTS_AT : UNKNOWN;
        case 10: return is(at, "venue_name") ? VENUE_NAME : UNKNOWN;
        case 11: return is(at, "artist_name") ? ARTIST_NAME : UNKNOWN;
        default: return UNKNOWN;
    }
}

bool id(Reader& from, Text& out) { return from.text(out) && is_id(out); }

// An empty text says nothing, as null; of more bytes only Python counts the characters.
bool words(Reader& from, Text& out) {
    if (!from.text(out) || out.size > MAX_NAME_CHARACTERS) return false;
    if (!out.size) out = {};
    return true;
}

bool status(Reader& from, Text& out) {
    if (!from.text(out)) return false;
    for (string_view one : STATUSES)
        if (one == string_view(out.at, size_t(out.size))) return true;
    return false;
}

bool moment(Reader& from, bool or_date, Number& out) {
    Text text;
    // By its first character: a number that fails is half read, and what follows it is no text.
    if (from.quoted()) return from.text(text) && instant(text, or_date, out);
    return from.integer(15, out) && out.value >= MIN_MS && out.value <= MAX_MS &&
           (out.value >= LEAST_MS || out.value <= -LEAST_MS);
}

// The members of `{...}`, each name once; `member` reads the value of one that is not null.
template <class Member>
bool object(Reader& from, unsigned required, unsigned& seen, Member member) {
    if (!from.take('{')) return false;
    do {
        Text name;
        if (!from.text(name) || !from.take(':')) return false;
        unsigned bit = member.bit(name);
        if (!bit || (seen & bit)) return false;
        seen |= bit;
        if (!(bit & required) && from.null()) continue;
        if (!member.read(bit)) return false;
    } while (from.take(','));
    return from.take('}') && (seen & required) == required;
}

// Appends `"name":` to the object that begins in `out`.
void begin_member(std::string& out, const char* name) {
    out += out.size() > 1 ? ",\"" : "\"";
    out += name;
    out += "\":";
}

void quote(std::string& out, Text text) {
    out += '"';
    out.append(text.at, size_t(text.size));
    out += '"';
}

struct Venue {
    enum Bit : unsigned { CAPACITY = 1, CITY = 2, COUNTRY = 4, LAT = 8, LNG = 16 };
    Reader& from;
    Text& city;
    Text& country;
    Number& capacity;
    std::string& lat;
    std::string& lng;

    unsigned bit(Text name) const {
        constexpr string_view NAMES[] = {"capacity", "city", "country", "lat", "lng"};
        for (unsigned at = 0; at < 5; at++)
            if (string_view(name.at, size_t(name.size)) == NAMES[at]) return 1u << at;
        return 0;
    }
    bool read(unsigned bit) {
        switch (bit) {
            case CAPACITY: return from.integer(18, capacity) && capacity.value >= 0;
            case CITY: return words(from, city);
            case COUNTRY: return words(from, country);
            case LAT: return from.degrees(90, lat);
            default: return from.degrees(180, lng);
        }
    }
};

// An object without members would need a rule of its own: Python has it.
bool venue(Reader& from, std::string& out) {
    Text city, country;
    Number capacity;
    std::string lat, lng;
    unsigned seen = 0;
    if (!object(from, 0, seen, Venue{from, city, country, capacity, lat, lng})) return false;
    out = "{";
    if (capacity.said) begin_member(out, "capacity"), out += std::to_string(capacity.value);
    if (city.at) begin_member(out, "city"), quote(out, city);
    if (country.at) begin_member(out, "country"), quote(out, country);
    if (!lat.empty()) begin_member(out, "lat"), out += lat;
    if (!lng.empty()) begin_member(out, "lng"), out += lng;
    out += '}';
    return true;
}

struct Artist {
    Reader& from;
    std::string& genres;

    unsigned bit(Text name) const { return string_view(name.at, size_t(name.size)) == "genres"; }
    bool read(unsigned) {
        genres = "[";
        if (!from.take('[')) return false;
        if (!from.take(']')) {
            do {
                Text genre;
                if (!from.text(genre)) return false;
                if (genres.size() > 1) genres += ',';
                quote(genres, genre);
            } while (from.take(','));
            if (!from.take(']')) return false;
        }
        genres += ']';
        return true;
    }
};

bool artist(Reader& from, std::string& out) {
    std::string genres;
    unsigned seen = 0;
    if (!object(from, 0, seen, Artist{from, genres})) return false;
    out = "{";
    if (!genres.empty()) begin_member(out, "genres"), out += genres;
    out += '}';
    return true;
}

struct Event {
    Reader& from;
    Statement& out;

    unsigned bit(Text name) const {
        Field which = field(name);
        return which == UNKNOWN ? 0 : 1u << which;
    }
    bool read(unsigned bit) {
        switch (Field(__builtin_ctz(bit))) {
            case EVENT_ID: return id(from, out.event_id);
            case ARTIST_ID: return id(from, out.artist_id);
            case VENUE_ID: return id(from, out.venue_id);
            case SOURCE: return id(from, out.source);
            case TIME: return moment(from, false, out.time);
            case STARTS_AT: return moment(from, true, out.starts_at);
            case STATUS: return status(from, out.status);
            case VERSION: return from.integer(18, out.version) && out.version.value >= 0;
            case ARTIST_NAME: return words(from, out.artist_name);
            case VENUE_NAME: return words(from, out.venue_name);
            case VENUE: return out.has_venue = venue(from, out.venue);
            case ARTIST: return out.has_artist = artist(from, out.artist);
            default: return false;
        }
    }
};

}  // namespace

bool Statement::read(const char* at, const char* end, int64_t clock_ms) {
    for (Text* text : {&source, &status, &artist_name, &venue_name}) *text = {};
    version = starts_at = {};
    has_venue = has_artist = false;
    Reader from(at, end);
    unsigned seen = 0;
    return object(from, REQUIRED, seen, Event{from, *this}) && from.done() &&
           time.value <= clock_ms + MAX_AHEAD_MS &&
           (!starts_at.said || starts_at.value <= time.value + MAX_START_MS);
}

}  // namespace gigstream
