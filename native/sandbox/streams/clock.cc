#include "sandbox/streams/clock.h"

#include <ctime>

namespace podrun {
namespace {

char* digits(char* out, long value, int count) {
  for (int i = count - 1; i >= 0; i--) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + count;
}

struct Date {
  long year;
  int month;
  int day;
};

/** Proleptic Gregorian date of a day since 1970, by whole 400-year eras that begin on 1 March. */
Date dateOf(long days) {
  constexpr long eraDays = 146097;
  days += 719468;  // 0000-03-01
  const long era = days / eraDays;
  const long day = days % eraDays;
  const long year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  const long dayOfYear = day - (365 * year + year / 4 - year / 100);
  const long month = (5 * dayOfYear + 2) / 153;  // 0 is March
  const int calendarMonth = static_cast<int>(month < 10 ? month + 3 : month - 9);
  return Date{year + era * 400 + (calendarMonth <= 2 ? 1 : 0), calendarMonth,
              static_cast<int>(dayOfYear - (153 * month + 2) / 5 + 1)};
}

}  // namespace

void writeTimestamp(const timespec& time, char (&out)[kTimestampSize]) {
  // Not gmtime_r(3), which reads the machine's time zone and brings 100 KiB of stdio into the binary.
  const long seconds = time.tv_sec % 86400;
  const Date date = dateOf(time.tv_sec / 86400);
  char* to = digits(out, date.year, 4);
  *to++ = '-';
  to = digits(to, date.month, 2);
  *to++ = '-';
  to = digits(to, date.day, 2);
  *to++ = 'T';
  to = digits(to, seconds / 3600, 2);
  *to++ = ':';
  to = digits(to, seconds / 60 % 60, 2);
  *to++ = ':';
  to = digits(to, seconds % 60, 2);
  *to++ = '.';
  to = digits(to, time.tv_nsec, 9);
  *to = 'Z';
}

std::string timestampNow() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char text[kTimestampSize];
  writeTimestamp(now, text);
  return std::string(text, kTimestampSize);
}

}  // namespace podrun
