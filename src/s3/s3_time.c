#include "s3/s3_time.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 24 * 3600, DAYS_TO_1970 = 719468, DAYS_IN_ERA = 146097 };

struct moment {
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second;
};

/* Years are counted from March, so that the leap day is their last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t month_from_march = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
			     year_of_era / 100 + day_of_year;

	return era * DAYS_IN_ERA + day_of_era - DAYS_TO_1970;
}

static void date_of(int64_t days, struct moment *moment)
{
	int64_t z = days + DAYS_TO_1970;
	int64_t era = (z >= 0 ? z : z - (DAYS_IN_ERA - 1)) / DAYS_IN_ERA;
	int64_t day_of_era = z - era * DAYS_IN_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
			       day_of_era / 36524 - day_of_era / 146096) /
			      365;
	int64_t day_of_year =
	    day_of_era -
	    (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;

	moment->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	moment->month = (int)(month_from_march < 10 ? month_from_march + 3
						    : month_from_march - 9);
	moment->year =
	    (int)(year_of_era + era * 400 + (moment->month <= 2 ? 1 : 0));
}

void s3_time_format(int64_t seconds, char text[17])
{
	struct moment moment;
	char wide[64];
	int64_t days = seconds / DAY_S;
	int64_t rest = seconds % DAY_S;

	if (rest < 0) {
		rest += DAY_S;
		days--;
	}
	date_of(days, &moment);
	(void)snprintf(wide, sizeof(wide), "%04d%02d%02dT%02d%02d%02dZ",
		       moment.year, moment.month, moment.day,
		       (int)(rest / 3600), (int)(rest / 60 % 60),
		       (int)(rest % 60));
	memcpy(text, wide, 16);
	text[16] = '\0';
}

static int month_number(const char name[4])
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *found = strstr(names, name);

	if (strlen(name) != 3 || !found || (found - names) % 3 != 0)
		return 0;
	return (int)(found - names) / 3 + 1;
}

/* A day that the calendar has comes back as itself. */
static bool is_day(const struct moment *m)
{
	struct moment same;

	date_of(days_of(m->year, m->month, m->day), &same);
	return same.month == m->month && same.day == m->day;
}

static bool is_sane(const struct moment *m)
{
	return m->year >= 1601 && m->year <= 9999 && m->month >= 1 &&
	       m->month <= 12 && m->day >= 1 && m->day <= 31 && m->hour >= 0 &&
	       m->hour < 24 && m->minute >= 0 && m->minute < 60 &&
	       m->second >= 0 && m->second <= 60 && is_day(m);
}

/* '#' stands for a digit, '@' for a letter. What is behind it, or NULL. */
static const char *match(const char *text, const char *form)
{
	for (; *form; form++, text++) {
		bool is_digit = *text >= '0' && *text <= '9';
		bool is_letter = (*text >= 'A' && *text <= 'Z') ||
				 (*text >= 'a' && *text <= 'z');

		if (*form == '#' ? !is_digit
				 : (*form == '@' ? !is_letter : *text != *form))
			return NULL;
	}
	return text;
}

static bool parse_http(const char *text, struct moment *m)
{
	char month[4] = "";
	const char *rest = match(text, "@@@, ## @@@ #### ##:##:## GMT");

	if (!rest || *rest != '\0' ||
	    sscanf(text + 5, "%2d %3s %4d %2d:%2d:%2d", &m->day, month,
		   &m->year, &m->hour, &m->minute, &m->second) != 6)
		return false;
	m->month = month_number(month);
	return true;
}

static bool parse_iso(const char *text, struct moment *m)
{
	const char *rest = match(text, "####-##-##T##:##:##");

	if (rest && match(rest, ".#"))
		rest += 1 + strspn(rest + 1, "0123456789");
	return rest && strcmp(rest, "Z") == 0 &&
	       sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &m->year, &m->month,
		      &m->day, &m->hour, &m->minute, &m->second) == 6;
}

bool s3_time_parse(const char *text, int64_t *seconds)
{
	struct moment m = {0};

	if ((!parse_http(text, &m) && !parse_iso(text, &m)) || !is_sane(&m))
		return false;
	*seconds = days_of(m.year, m.month, m.day) * DAY_S + m.hour * 3600 +
		   m.minute * 60 + m.second;
	return true;
}
