#ifndef S3I_INGEST_UPLOAD_PUT_H
#define S3I_INGEST_UPLOAD_PUT_H

struct upload;

/* UPLOAD_PUT: the whole file in one request, guarded by its signed SHA-256 and
 * by CRC64NVME, or Content-MD5 where the endpoint refuses that. UPLOAD_PUT_NEW:
 * the same with If-None-Match: *. What the endpoint can is found out on the
 * first objects that it confirms. */
void upload_put(struct upload *upload);

#endif
