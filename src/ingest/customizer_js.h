#ifndef S3I_INGEST_CUSTOMIZER_JS_H
#define S3I_INGEST_CUSTOMIZER_JS_H

/*
 * The child that runs scripts: `s3-ingestor --customizer-worker`. Its standard
 * input begins with one line
 *
 *	{"modules":{"NAME.js":"SOURCE",...},"main":"NAME.js","settings":{...}}
 *
 * where main null asks for nothing but a look at the syntax of all *.js: the
 * answer to any line is null, or the first error.
 *
 * Then it closes the fence around itself (platform/fence.h), says true, and
 * answers each line, the JSON string of a filename, with one line: a JSON
 * string, null, or {"error":"MESSAGE (FILE:LINE)"}. Before an answer there may
 * be lines {"log":"TEXT"}, of console.log.
 *
 * Scripts are CommonJS: module.exports of the main one is called as
 * function (filename, settings); require reaches the given modules only; there
 * is nothing that reaches out of the process. 64 MiB are theirs. Who asks keeps
 * the time. Answers longer than CUSTOMIZER_LINE_BYTES are errors.
 *
 * Returns the status to exit with, once the input is at its end.
 */
int customizer_js_work(void);

#endif
