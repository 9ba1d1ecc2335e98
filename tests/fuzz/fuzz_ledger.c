#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * A ledger was made once, of each kind of row a few, and of files and removals
 * more than a page. The first byte of an input says which file is spoilt and
 * how it is opened, the second what is done with it; the rest is that file
 * itself, or changes of the good one: two bytes of place, one of length, and so
 * many bytes. A hang shows as one, for rows that come in no order make whoever
 * reads them go round.
 */
enum {
	IS_RAW = 1,	  /* the rest is the file */
	IS_READ_ONLY = 2, /* opened so first */
	IS_JOURNAL = 4,	  /* what is spoilt is a journal beside the file */
	IS_ROLLBACK = 8,  /* the old kind of journal, without a good one */
	IS_TWICE = 16,	  /* what the first run made of it is used again */
	FILE_COUNT = 3,
	ROWS = 520, /* more than a page of 512 */
	PAGE_BYTES = 4096 + 512,
	MOST_PAGES = 256,
	MOST_ROWS = 100000, /* no file of an input has so many */
	FINGERPRINT_BYTES = 65,
	LEAST_SHIFT = 5, /* of memory for SQLite: 32 bytes */
	SHIFTS = 28
};

/* The second byte. */
enum {
	READS_ROWS = 1,
	READS_REMOVALS = 2,
	READS_UPLOADS = 4,
	READS_FINDINGS = 8,
	READS_SMALL_THINGS = 16,
	RECORDS = 32,
	NOTES = 64,
	DROPS = 128
};

struct image {
	char *data;
	size_t size;
};

static char folder[64];
static char path[96];
static struct image images[FILE_COUNT];
static const char *const suffixes[] = {"", "-wal", "-journal"};
static const char *const leavings[] = {"",     "-wal",	   "-journal",
				       "-shm", ".suspect", ".bad"};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* ---- files ---- */

static char *path_with(const char *between, const char *suffix)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s%s%s", path, between, suffix);
	return text;
}

static void remove_all(void)
{
	for (size_t i = 0; i < sizeof(leavings) / sizeof(leavings[0]); i++) {
		(void)unlink(path_with("", leavings[i]));
		(void)unlink(path_with(".bad", leavings[i]));
	}
}

static void write_file(const char *suffix, const char *data, size_t size)
{
	int file =
	    open(path_with("", suffix), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	require(file >= 0);
	require(write(file, data, size) == (ssize_t)size);
	require(close(file) == 0);
}

static struct image read_image(const char *suffix)
{
	struct stat facts;
	struct image image = {0};
	int file = open(path_with("", suffix), O_RDONLY);

	if (file < 0)
		return image;
	require(fstat(file, &facts) == 0);
	image.size = (size_t)facts.st_size;
	image.data = malloc(image.size + 1);
	require(image.data &&
		pread(file, image.data, image.size, 0) == (ssize_t)image.size);
	require(close(file) == 0);
	return image;
}

/* ---- the good one ---- */

static struct ledger_row row_of(const char *name)
{
	struct ledger_row row = {
	    .name = bytes_of_text(name),
	    .key = bytes_of_text(name),
	    .size_bytes = 5,
	    .mtime_ns = 7,
	    .ctime_ns = 8,
	    .file_id = 9,
	    .has_sha256 = true,
	    .proof = LEDGER_PROOF_CHECKSUM,
	};

	return row;
}

static struct ledger_policy policy_of(int position)
{
	static char fingerprint[FINGERPRINT_BYTES];

	(void)snprintf(fingerprint, sizeof(fingerprint), "%064d", position);
	return (struct ledger_policy){fingerprint, NULL, "bucket", position};
}

static void fill_rows(struct ledger *ledger, int64_t policy)
{
	char name[16];

	for (int i = 0; i < ROWS; i++) {
		(void)snprintf(name, sizeof(name), "%04d", i);
		const struct ledger_row row = row_of(name);
		const struct ledger_removal removal = {
		    .name = row.name, .due_ms = i, .literal_bytes = 2};

		require(ledger_record(ledger, policy, &row, NULL) == 0);
		if (i % 8 == 0)
			require(ledger_removal_plan(ledger, policy, &removal,
						    NULL) == 0);
	}
}

static void fill_rest(struct ledger *ledger, int64_t policy)
{
	struct ledger_upload upload = {
	    .policy = policy,
	    .name = bytes_of_text("up"),
	    .key = bytes_of_text("key"),
	    .upload_id = "id",
	    .part_size_bytes = 5 << 20,
	    .size_bytes = 20 << 20,
	    .endpoint = "",
	    .bucket = "bucket",
	};
	const struct ledger_endpoint facts = {.region = "here", .skew_ms = 3};

	require(ledger_upload_record(ledger, &upload, NULL) == 0);
	for (int i = 1; i <= 9; i++) {
		const struct ledger_part part = {.number = i, .etag = "\"e\""};

		require(ledger_part_record(ledger, policy, upload.name, &part,
					   NULL) == 0);
	}
	require(ledger_pending_set(ledger, policy, bytes_of_text("late"),
				   LEDGER_FAILED, 1, "because", NULL,
				   NULL) == 0);
	require(ledger_endpoint_record(ledger, NULL, "bucket", &facts, NULL) ==
		0);
	require(ledger_note_set(ledger, "note", "value", NULL) == 0);
}

/* The file, and a journal that stands for a batch that is not in it yet: the
 * files are read while the ledger is open. */
static void make_images(void)
{
	struct ledger *ledger = NULL;
	int64_t ids[2];

	require(ledger_open(path, false, &ledger, NULL, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		const struct ledger_policy policy = policy_of(i);

		require(ledger_policy_get(ledger, &policy, &ids[i], NULL,
					  NULL) == 0);
	}
	require(ledger_policies_retire_others(ledger, ids, 1, NULL) == 0);
	fill_rows(ledger, ids[0]);
	require(ledger_close(ledger, NULL) == 0);
	require(ledger_open(path, false, &ledger, NULL, NULL) == 0);
	fill_rest(ledger, ids[0]);
	require(ledger_commit(ledger, NULL) == 0);
	for (int i = 0; i < FILE_COUNT; i++)
		images[i] = read_image(suffixes[i]);
	require(ledger_close(ledger, NULL) == 0);
	require(images[0].size > 0 && images[1].size > 0);
}

static void remove_folder(void)
{
	remove_all();
	(void)rmdir(folder);
}

/* ---- memory for SQLite ---- */

/* Before the memory of each piece, which has 1 << shift bytes. */
struct piece {
	struct piece *next;
	int shift;
};

static struct piece *free_pieces[SHIFTS];

static int shift_for(int size_bytes)
{
	int shift = LEAST_SHIFT;

	while ((1 << shift) < size_bytes)
		shift++;
	return shift;
}

static void *piece_get(int size_bytes)
{
	if (size_bytes > 1 << (SHIFTS - 1))
		return NULL;
	int shift = shift_for(size_bytes);
	struct piece *piece = free_pieces[shift];
	if (piece)
		free_pieces[shift] = piece->next;
	else
		piece = malloc(sizeof(*piece) + ((size_t)1 << shift));
	if (!piece)
		return NULL;
	piece->shift = shift;
	ASAN_UNPOISON_MEMORY_REGION(piece + 1, (size_t)1 << shift);
	return piece + 1;
}

/* Who still reads it is found. */
static void piece_put(void *memory)
{
	struct piece *piece = (struct piece *)memory - 1;

	piece->next = free_pieces[piece->shift];
	free_pieces[piece->shift] = piece;
	ASAN_POISON_MEMORY_REGION(memory, (size_t)1 << piece->shift);
}

static int piece_size(void *memory)
{
	return memory ? 1 << ((struct piece *)memory - 1)->shift : 0;
}

static int piece_round(int size_bytes)
{
	return 1 << shift_for(size_bytes);
}

static void *piece_resize(void *memory, int size_bytes)
{
	if (size_bytes <= piece_size(memory))
		return memory;
	void *larger = piece_get(size_bytes);
	if (larger) {
		memcpy(larger, memory, (size_t)piece_size(memory));
		piece_put(memory);
	}
	return larger;
}

static int pieces_begin(void *unused)
{
	(void)unused;
	return SQLITE_OK;
}

static void pieces_end(void *unused)
{
	(void)unused;
}

/* SQLite is not what is tried: without its locks, with pages and memory of its
 * own it is several times as fast. */
static void hurry_sqlite(void)
{
	static char pages[MOST_PAGES][PAGE_BYTES] __attribute__((aligned(8)));
	static const sqlite3_mem_methods pieces = {
	    .xMalloc = piece_get,
	    .xFree = piece_put,
	    .xRealloc = piece_resize,
	    .xSize = piece_size,
	    .xRoundup = piece_round,
	    .xInit = pieces_begin,
	    .xShutdown = pieces_end,
	};

	require(sqlite3_config(SQLITE_CONFIG_MALLOC, &pieces) == SQLITE_OK);
	require(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
	require(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
	require(sqlite3_config(SQLITE_CONFIG_PAGECACHE, pages, PAGE_BYTES,
			       MOST_PAGES) == SQLITE_OK);
	require(sqlite3_vfs_register(sqlite3_vfs_find("unix-excl"), 1) ==
		SQLITE_OK);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)argc;
	(void)argv;
	(void)snprintf(folder, sizeof(folder), "%s/fuzz-ledger-XXXXXX", base);
	require(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/l.db", folder);
	hurry_sqlite();
	make_images();
	require(atexit(remove_folder) == 0);
	return 0;
}

/* ---- whatever it has, it is told, or it is an error ---- */

static void read_rows(struct ledger *ledger, int64_t policy)
{
	struct ledger_rows *rows = NULL;
	struct error err = {0};
	const struct ledger_facts *row = NULL;
	int count = 0;

	require(ledger_rows_open(ledger, policy, &rows, &err) == 0);
	while (ledger_rows_peek(rows, &row, &err) == 0 && row) {
		require(row->state >= LEDGER_UPLOADED &&
			row->state <= LEDGER_IGNORED);
		require(row->size_bytes >= 0);
		require(++count < MOST_ROWS);
		ledger_rows_advance(rows);
	}
	require(row || err.code || count >= 0);
	ledger_rows_close(rows);
}

static void read_removals(struct ledger *ledger, int64_t policy)
{
	struct buffer after = {0};
	struct ledger_removal removal;
	bool found = true;
	int count = 0;

	while (found &&
	       ledger_removal_next(ledger, policy, buffer_bytes(&after),
				   &removal, &found, NULL) == 0 &&
	       found) {
		require(++count < MOST_ROWS);
		buffer_reset(&after);
		require(buffer_append(&after, removal.name.data,
				      removal.name.size) == 0);
	}
	buffer_clear(&after);
}

static void read_uploads(struct ledger *ledger, int64_t policy)
{
	struct ledger_upload one;
	bool found;
	struct ledger_uploads uploads;
	struct ledger_part *parts = NULL;
	size_t count = 0;

	(void)ledger_upload_find(ledger, policy, bytes_of_text("up"), &one,
				 &found, NULL);
	if (ledger_uploads_list(ledger, &uploads, NULL) != 0)
		return;
	for (size_t i = 0; i < uploads.count; i++) {
		const struct ledger_upload *upload = &uploads.uploads[i];

		if (ledger_parts_list(ledger, upload->policy, upload->name,
				      &parts, &count, NULL) == 0)
			free(parts);
	}
	ledger_uploads_clear(&uploads);
}

static void read_findings(struct ledger *ledger, int64_t policy)
{
	const struct ledger_row wanted = row_of("0007");
	const struct ledger_policy where = policy_of(0);
	struct ledger_row row;
	char *holder = NULL;
	bool found;

	if (ledger_find(ledger, policy, wanted.name, &row, &found, NULL) == 0 &&
	    found)
		require(row.proof >= LEDGER_PROOF_NONE &&
			row.proof <= LEDGER_PROOF_CHECKSUM);
	(void)ledger_find_adoptable(ledger, NULL, "bucket", &wanted, &row,
				    &found, NULL);
	(void)ledger_find_key_holder(ledger, &where, wanted.key,
				     bytes_of_text("x"), &holder, NULL);
	free(holder);
}

static void read_small_things(struct ledger *ledger, int64_t policy)
{
	struct ledger_endpoint facts;
	char *text = NULL;
	int64_t number;
	int64_t other;
	bool found;

	(void)ledger_policy_totals(ledger, policy, &number, &other, NULL);
	(void)ledger_pending_count(ledger, &number, NULL);
	(void)ledger_pending_find(ledger, policy, bytes_of_text("late"),
				  &number, &found, NULL);
	(void)ledger_endpoint_find(ledger, NULL, "bucket", &facts, NULL);
	(void)ledger_note_get(ledger, "note", &text, NULL);
	free(text);
	(void)ledger_is_in_doubt(ledger, &found, NULL);
}

static void look(struct ledger *ledger, int64_t policy, uint8_t what)
{
	if (what & READS_ROWS)
		read_rows(ledger, policy);
	if (what & READS_REMOVALS)
		read_removals(ledger, policy);
	if (what & READS_UPLOADS)
		read_uploads(ledger, policy);
	if (what & READS_FINDINGS)
		read_findings(ledger, policy);
	if (what & READS_SMALL_THINGS)
		read_small_things(ledger, policy);
}

/* ---- and it is written to ---- */

static void record(struct ledger *ledger, int64_t policy)
{
	static const char *const names[] = {"0300", "new"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct ledger_row row = row_of(names[i]);
		const struct ledger_removal removal = {.name = row.name};

		(void)ledger_record(ledger, policy, &row, NULL);
		(void)ledger_removal_plan(ledger, policy, &removal, NULL);
		(void)ledger_removal_forget(ledger, policy, row.name, NULL);
	}
	(void)ledger_forget(ledger, policy, bytes_of_text("0300"), NULL);
}

static void note(struct ledger *ledger, int64_t policy)
{
	const struct ledger_endpoint facts = {.skew_ms = 9};

	(void)ledger_upload_forget(ledger, policy, bytes_of_text("up"), NULL);
	(void)ledger_pending_set(ledger, policy, bytes_of_text("late"),
				 LEDGER_DELAYED, 1, NULL, NULL, NULL);
	(void)ledger_endpoint_record(ledger, NULL, "bucket", &facts, NULL);
	(void)ledger_note_set(ledger, "note", "other", NULL);
	(void)ledger_forget_doubt(ledger, NULL);
}

static void change(struct ledger *ledger, int64_t policy, uint8_t what)
{
	if (what & RECORDS)
		record(ledger, policy);
	if (what & NOTES)
		note(ledger, policy);
	if (what & DROPS)
		(void)ledger_policies_drop_retired(ledger, NULL);
}

static void use(bool read_only, uint8_t what)
{
	struct ledger *ledger = NULL;
	struct error err = {0};
	bool was_corrupt = false;
	int code = ledger_open(path, read_only, &ledger, &was_corrupt, &err);

	require(code == (int)err.code && (code == 0) == (ledger != NULL));
	if (!ledger)
		return;
	const struct ledger_policy policy = policy_of(0);
	int64_t id = 0;
	(void)ledger_policy_get(ledger, &policy, &id, NULL, NULL);
	look(ledger, id, what);
	if (!read_only)
		change(ledger, id, what);
	(void)ledger_close(ledger, NULL);
}

/* The good file with the changes that an input asks for. */
static struct image spoil(const struct image *good, const uint8_t *data,
			  size_t size)
{
	struct image image = {malloc(good->size + 1), good->size};

	require(image.data != NULL);
	if (good->size > 0)
		memcpy(image.data, good->data, good->size);
	while (size >= 3 && image.size > 0) {
		/* as far as 256 KiB: each place of four bytes */
		size_t at = ((size_t)data[0] << 8 | data[1]) * 4 % image.size;
		size_t count = data[2] & 0x3f;

		if (data[2] & 0x80) /* the end is missing */
			image.size = at;
		at += data[2] >> 6 & 1 ? 2 : 0;
		data += 3;
		size -= 3;
		for (; count > 0 && size > 0 && at < image.size; count--) {
			image.data[at++] = (char)*data++;
			size--;
		}
	}
	return image;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint8_t how = data[0];
	int spoilt = how & IS_JOURNAL ? 1 : 0;
	bool is_rollback = spoilt && how & IS_ROLLBACK;
	struct image image = {(char *)data + 2, size - 2};

	if (!(how & IS_RAW))
		image = spoil(&images[spoilt], data + 2, size - 2);
	remove_all();
	if (spoilt)
		write_file("", images[0].data, images[0].size);
	write_file(suffixes[spoilt + is_rollback], image.data, image.size);
	if (how & IS_READ_ONLY)
		use(true, data[1]);
	use(false, data[1]);
	if (how & IS_TWICE)
		use(false, data[1]);
	if (!(how & IS_RAW))
		free(image.data);
	return 0;
}
