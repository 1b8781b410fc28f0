/* Leveled log lines, logrus text form as eKuiper writes them (time="…" level=info msg="…"), to stderr and/or a
 * file. Any thread. Control characters and quotes in the message are escaped. */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H
#include <stdarg.h>
#include "base/civil.h"
typedef enum sl_level { SL_DEBUG, SL_INFO, SL_WARN, SL_ERR } sl_level;
void sl_log_level(sl_level least);
/* Whether lines begin with a time, and the zone of it (UTC and true until told). */
void sl_log_form(int times, sl_zone zone);
/* Where lines go: fd is lent; file fd may be -1; console says whether stderr gets them too. */
void sl_log_to(int file_fd, int console);
void sl_log_at(sl_level l, const char *owner, const char *fmt, ...) __attribute__((cold, format(printf, 3, 4)));
#define sl_debug(owner, ...) sl_log_at(SL_DEBUG, owner, __VA_ARGS__)
#define sl_info(owner, ...) sl_log_at(SL_INFO, owner, __VA_ARGS__)
#define sl_warn(owner, ...) sl_log_at(SL_WARN, owner, __VA_ARGS__)
#define sl_error(owner, ...) sl_log_at(SL_ERR, owner, __VA_ARGS__)
#endif
