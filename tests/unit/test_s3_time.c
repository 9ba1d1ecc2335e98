#include "check.h"

#include <string.h>

#include "s3/s3_time.h"

static void a_moment_is_formatted(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
	    {0, "19700101T000000Z"},
	    {1, "19700101T000001Z"},
	    {86399, "19700101T235959Z"},
	    {86400, "19700102T000000Z"},
	    {1369353600, "20130524T000000Z"},
	    {951782400, "20000229T000000Z"},
	    {951868800, "20000301T000000Z"},
	    {1709164799, "20240228T235959Z"},
	    {1709164800, "20240229T000000Z"},
	    {4107542400, "21000301T000000Z"}, /* 2100 has no leap day */
	    {2147483648, "20380119T031408Z"},
	    {253402300799, "99991231T235959Z"},
	    {-1, "19691231T235959Z"},
	    {-86400, "19691231T000000Z"},
	    {-86401, "19691230T235959Z"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[17];
		memset(text, '#', sizeof(text));
		s3_time_format(rows[i].seconds, text);
		CHECK_TEXT(text, rows[i].text);
	}
}

static void a_moment_is_parsed(void)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {
	    {"Fri, 24 May 2013 00:00:00 GMT", 1369353600},
	    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
	    {"Tue, 29 Feb 2000 12:34:56 GMT", 951827696},
	    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
	    {"2013-05-24T00:00:00Z", 1369353600},
	    {"2013-05-24T00:00:00.000Z", 1369353600},
	    {"2013-05-24T00:00:00.999999Z", 1369353600},
	    {"2038-01-19T03:14:08Z", 2147483648},
	    {"9999-12-31T23:59:59Z", 253402300799},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t seconds = -12345;
		if (!CHECK(s3_time_parse(rows[i].text, &seconds)))
			(void)printf("# \"%s\"\n", rows[i].text);
		else
			CHECK_INT(seconds, rows[i].seconds);
	}
}

static void all_months_are_known(void)
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr",
					    "May", "Jun", "Jul", "Aug",
					    "Sep", "Oct", "Nov", "Dec"};
	for (int i = 0; i < 12; i++) {
		char text[64];
		char back[17];
		char wanted[32];
		int64_t seconds = 0;
		(void)snprintf(text, sizeof(text),
			       "Mon, 15 %s 2024 01:02:03 GMT", names[i]);
		CHECK(s3_time_parse(text, &seconds));
		s3_time_format(seconds, back);
		(void)snprintf(wanted, sizeof(wanted), "2024%02d15T010203Z",
			       i + 1);
		CHECK_TEXT(back, wanted);
	}
}

/* From 1900 to 2100 each hour and a bit, over all turns of day and year. */
static void both_forms_agree(void)
{
	int failed = 0;
	for (int64_t s = -2208988800; s < 4133980800 && failed < 5; s += 3607) {
		char basic[17];
		char text[64];
		int64_t back = 0;
		s3_time_format(s, basic);
		(void)snprintf(
		    text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", basic,
		    basic + 4, basic + 6, basic + 9, basic + 11, basic + 13);
		failed += !CHECK(s3_time_parse(text, &back));
		failed += !CHECK_INT(back, s);
	}
}

static void what_is_no_moment_is_refused(void)
{
	static const char *const bad[] = {
	    "",
	    "now",
	    "1369353600",
	    "20130524T000000Z",
	    "2013-05-24",
	    "2013-05-24T00:00",
	    "2013-05-24T00:00:00",
	    "2013-05-24T00:00:00+02:00",
	    "2013-05-24T00:00:00.Z",
	    "2013-05-24T00:00:00.0",
	    "2013-05-24T00:00:00Z and more",
	    "2013-5-24T00:00:00Z",
	    "2013-05-24 00:00:00Z",
	    "2013- 5-24T00:00:00Z",
	    "2013-+5-24T00:00:00Z",
	    " 2013-05-24T00:00:00Z",
	    "2013-13-24T00:00:00Z",
	    "2013-00-24T00:00:00Z",
	    "2013-05-00T00:00:00Z",
	    "2013-05-32T00:00:00Z",
	    "2013-06-31T00:00:00Z",
	    "2013-02-29T00:00:00Z",
	    "2100-02-29T00:00:00Z",
	    "2013-05-24T24:00:00Z",
	    "2013-05-24T00:60:00Z",
	    "2013-05-24T00:00:61Z",
	    "0000-05-24T00:00:00Z",
	    "-013-05-24T00:00:00Z",
	    "99999-05-24T00:00:00Z",
	    "Fri, 24 May 2013 00:00:00",
	    "Fri, 24 May 2013 00:00:00 CET",
	    "Fri, 24 May 2013 00:00:00 GMT+1",
	    "Fri, 24 Mai 2013 00:00:00 GMT",
	    "Fri, 24 anF 2013 00:00:00 GMT",
	    "Fri, 4 May 2013 00:00:00 GMT",
	    "Fri, 31 Jun 2013 00:00:00 GMT",
	    "Friday, 24-May-13 00:00:00 GMT",
	    "Fri May 24 00:00:00 2013",
	    "24 May 2013 00:00:00 GMT",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t seconds = -12345;
		if (!CHECK(!s3_time_parse(bad[i], &seconds)))
			(void)printf("# \"%s\"\n", bad[i]);
		CHECK_INT(seconds, -12345);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_moment_is_formatted),
	    CHECK_TEST(a_moment_is_parsed),
	    CHECK_TEST(all_months_are_known),
	    CHECK_TEST(both_forms_agree),
	    CHECK_TEST(what_is_no_moment_is_refused),
	};
	return CHECK_RUN(tests);
}
