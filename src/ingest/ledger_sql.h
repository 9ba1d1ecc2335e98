#ifndef S3I_INGEST_LEDGER_SQL_H
#define S3I_INGEST_LEDGER_SQL_H

/*
 * Every statement of the ledger: a name and its text. Each is prepared when it
 * is needed first and kept until the ledger is closed.
 */
#define LEDGER_FILE_COLUMNS                                                    \
	"name, state, size, mtime_ns, ctime_ns, file_id, racy, key, sha256, "  \
	"proof, at_ms"

#define LEDGER_ROW_COLUMNS LEDGER_FILE_COLUMNS ", gone_ms, removed"

/* what a walk reads for every file: a column more is felt */
#define LEDGER_FACT_COLUMNS                                                    \
	"name, state, size, mtime_ns, ctime_ns, file_id, racy, gone_ms"

#define LEDGER_UPLOAD_COLUMNS                                                  \
	"policy, name, key, upload_id, part_size, size, mtime_ns, ctime_ns, "  \
	"file_id, started_ms, endpoint, bucket, crc64, twin"

#define LEDGER_REMOVAL_COLUMNS "policy, name, due_ms, literal_bytes"

#define LEDGER_ENDPOINT_COLUMNS                                                \
	"region, skew_ms, concurrency, put_crc64_refused_ms, "                 \
	"multipart_crc64_refused_ms, list_denied, head_denied, "               \
	"keeps_condition, condition_found_ms"

#define LEDGER_STATEMENTS(X)                                                   \
	X(SQL_BEGIN, "begin immediate")                                        \
	X(SQL_COMMIT, "commit")                                                \
	X(SQL_FREE_PAGES, "pragma freelist_count")                             \
	X(SQL_PAGES, "pragma page_count")                                      \
	X(SQL_PAGE_BYTES, "pragma page_size")                                  \
                                                                               \
	X(SQL_POLICY_FIND, "select id, position from policy "                  \
			   "where fingerprint = ?")                            \
	X(SQL_POLICY_ADD, "insert into policy(fingerprint, endpoint, bucket, " \
			  "position) values(?, ?, ?, ?)")                      \
	X(SQL_POLICY_PLACE, "update policy set position = ? where id = ?")     \
	X(SQL_POLICY_LIVE, "select id from policy "                            \
			   "where position is not null order by id")           \
	X(SQL_POLICY_RETIRED, "select id from policy "                         \
			      "where position is null order by id limit 1")    \
	X(SQL_POLICY_DOOM, "update policy set fingerprint = 'dropped ' || id " \
			   "where id = ?")                                     \
	X(SQL_POLICY_DROP, "delete from policy where id = ?")                  \
	X(SQL_POLICY_TOTALS, "select files, bytes from policy where id = ?")   \
	X(SQL_POLICY_COUNT, "update policy set files = files + ?, "            \
			    "bytes = bytes + ? where id = ?")                  \
                                                                               \
	X(SQL_FILE_FIND, "select " LEDGER_ROW_COLUMNS " from file "            \
			 "where policy = ? and name = ?")                      \
	X(SQL_FILE_SIZE, "select state, size from file "                       \
			 "where policy = ? and name = ?")                      \
	X(SQL_FILE_RECORD,                                                     \
	  "insert or replace into file(policy, " LEDGER_FILE_COLUMNS           \
	  ") values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                      \
	X(SQL_FILE_DOUBT, "update file set sha256 = null, proof = 0 "          \
			  "where key = ?1 and sha256 is not null "             \
			  "and (size, mtime_ns, ctime_ns) "                    \
			  "is not (?2, ?3, ?4)")                               \
	X(SQL_FILE_FORGET, "delete from file where policy = ? and name = ?")   \
	X(SQL_FILE_PAGE, "select " LEDGER_FACT_COLUMNS " from file "           \
			 "where policy = ? and name > ? "                      \
			 "order by name limit ?")                              \
	X(SQL_FILE_GONE, "update file set gone_ms = ?, removed = ? "           \
			 "where policy = ? and name = ?")                      \
	X(SQL_FILE_DROP, "delete from file where policy = ?1 and name in "     \
			 "(select name from file where policy = ?1 "           \
			 "order by name limit ?2)")                            \
	/* key = ? comes first: it is what the index serves; no temporary      \
	 * table, which would cost more than all the rest */                   \
	X(SQL_FILE_ADOPT,                                                      \
	  "select " LEDGER_ROW_COLUMNS " from file "                           \
	  "where key = ?1 and size = ?2 and mtime_ns = ?3 and ctime_ns = ?4 "  \
	  "and (file_id = ?5 and file_id <> 0 "                                \
	  "  or (file_id = 0 or ?5 = 0) and name = ?6) "                       \
	  "and state < 2 and exists (select 1 from policy "                    \
	  "  where id = file.policy and endpoint = ?7 and bucket = ?8)")       \
	X(SQL_FILE_HOLDER,                                                     \
	  "select name from file where key = ?1 and name <> ?2 and state < 2 " \
	  "and exists (select 1 from policy where id = file.policy "           \
	  "  and endpoint = ?3 and bucket = ?4 and position is not null) "     \
	  "order by policy, name limit 1")                                     \
                                                                               \
	X(SQL_PENDING_FIND, "select state, since_ms, reason from pending "     \
			    "where policy = ? and name = ?")                   \
	X(SQL_PENDING_SET, "insert or replace into pending(policy, name, "     \
			   "state, since_ms, reason) values(?, ?, ?, ?, ?)")   \
	X(SQL_PENDING_CLEAR, "delete from pending "                            \
			     "where policy = ? and name = ?")                  \
	X(SQL_PENDING_NEXT, "select name from pending "                        \
			    "where policy = ? and name > ? "                   \
			    "order by name limit 1")                           \
	X(SQL_PENDING_DROP, "delete from pending where policy = ?")            \
	X(SQL_PENDING_COUNT, "select count(*) from pending where policy in "   \
			     "(select id from policy "                         \
			     "where position is not null)")                    \
	X(SQL_REMOVAL_FIND, "select due_ms from removal "                      \
			    "where policy = ? and name = ?")                   \
	X(SQL_REMOVAL_ADD, "insert into removal(policy, name, due_ms, "        \
			   "literal_bytes) values(?, ?, ?, ?)")                \
	X(SQL_REMOVAL_NEXT, "select " LEDGER_REMOVAL_COLUMNS " from removal "  \
			    "where policy = ? and name > ? "                   \
			    "order by name limit 1")                           \
	X(SQL_REMOVAL_NEXT_OF_ALL,                                             \
	  "select " LEDGER_REMOVAL_COLUMNS " from removal "                    \
	  "where (policy, name) > (?, ?) order by policy, name limit 1")       \
	X(SQL_REMOVAL_FORGET, "delete from removal "                           \
			      "where policy = ? and name = ?")                 \
	X(SQL_REMOVAL_DROP, "delete from removal where policy = ?")            \
                                                                               \
	X(SQL_UPLOAD_FIND, "select " LEDGER_UPLOAD_COLUMNS " from upload "     \
			   "where policy = ? and name = ?")                    \
	X(SQL_UPLOAD_LIST, "select " LEDGER_UPLOAD_COLUMNS " from upload "     \
			   "order by policy, name")                            \
	X(SQL_UPLOAD_RECORD,                                                   \
	  "insert or replace into "                                            \
	  "upload(" LEDGER_UPLOAD_COLUMNS ") "                                 \
	  "values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                  \
	X(SQL_UPLOAD_FORGET, "delete from upload "                             \
			     "where policy = ? and name = ?")                  \
	X(SQL_PART_RECORD, "insert or replace into part(policy, name, "        \
			   "number, etag, sha256, crc64) "                     \
			   "values(?, ?, ?, ?, ?, ?)")                         \
	X(SQL_PART_LIST, "select number, etag, sha256, crc64 from part "       \
			 "where policy = ? and name = ? order by number")      \
	X(SQL_PART_FORGET, "delete from part where policy = ? and name = ?")   \
                                                                               \
	X(SQL_ENDPOINT_FIND, "select " LEDGER_ENDPOINT_COLUMNS                 \
			     " from endpoint where url = ? and bucket = ?")    \
	X(SQL_ENDPOINT_RECORD, "insert or replace into endpoint(url, "         \
			       "bucket, " LEDGER_ENDPOINT_COLUMNS              \
			       ") values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")    \
                                                                               \
	X(SQL_NOTE_GET, "select value from note where name = ?")               \
	X(SQL_NOTE_SET, "insert or replace into note(name, value) "            \
			"values(?, ?)")                                        \
	X(SQL_NOTE_FORGET, "delete from note where name = ?")

#define LEDGER_STATEMENT_NAME(name, text) name,
enum ledger_sql { LEDGER_STATEMENTS(LEDGER_STATEMENT_NAME) LEDGER_SQL_COUNT };

#endif
