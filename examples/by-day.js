// A customizer: logs go to a folder of their day, everything else is ignored.
//
//	log-2024-05-17.csv -> 2024/05/17/log-2024-05-17.csv
//
// Put it into customizers/ and name it in a policy: {"customizer": "by-day"}.
// filename is what is left after input_remove_prefix, settings are all settings
// with the policy's on top. No key: the file is ignored. It runs inside of
// s3-ingestor: ECMAScript 5.1, no files, no network, no modules but neighbours
// (require('./x')). For more than that see by-day without .js.
module.exports = function (filename, settings) {
	var day = /(\d{4})-(\d\d)-(\d\d)[^\/]*$/.exec(filename);

	return day && [day[1], day[2], day[3], filename].join('/');
};
