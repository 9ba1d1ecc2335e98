#ifndef S3I_BASE_VERSION_H
#define S3I_BASE_VERSION_H

#define S3I_VERSION "0.1.0"

#endif
