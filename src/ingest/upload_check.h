#ifndef S3I_INGEST_UPLOAD_CHECK_H
#define S3I_INGEST_UPLOAD_CHECK_H

struct bucket_listed;
struct upload;

/* UPLOAD_COMPARE: is the content what the ledger recorded? */
void upload_compare(struct upload *upload);

/* UPLOAD_ASK: HEAD; same size, and not modified after the object, counts as
 * found, and where contents must match the same size does. */
void upload_ask(struct upload *upload);

/* UPLOAD_ASK, answered by what a listing told. */
void upload_hear(struct upload *upload, const struct bucket_listed *listed);

/* UPLOAD_MATCH: is the content what HEAD told? By CRC64NVME, SHA-256 or an
 * ETag that looks like an MD5; without any of them it differs. */
void upload_match(struct upload *upload);

#endif
