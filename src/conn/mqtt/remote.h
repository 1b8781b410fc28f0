/* Users of a shared client that live on other loops: the same verbs as client.h, moved as letters of many messages to and from the client's
 * loop. The callbacks come on the user's loop. Inside conn/mqtt only. */
#ifndef SL_CONN_MQTT_REMOTE_H
#define SL_CONN_MQTT_REMOTE_H
#include "conn/mqtt/client.h"
typedef struct mq_rsub mq_rsub;
typedef struct mq_rpub mq_rpub;
/* selector: id of a named connection; owner: name of the user in messages. All @on user. */
sl_err *mq_remote_subscribe(sl_str selector, const char *owner, sl_loop *user, sl_str filters, uint8_t qos, bool lasts, const mq_sub_ops *ops, void *arg, mq_rsub **out);
void mq_remote_commit(mq_rsub *s, uint64_t upto);
void mq_remote_pause(mq_rsub *s, bool pause);
void mq_remote_unsubscribe(mq_rsub *s, sl_fn done, void *arg);

sl_err *mq_remote_publisher(sl_str selector, const char *owner, sl_loop *user, const mq_pub_ops *ops, void *arg, mq_rpub **out);
bool mq_remote_publish(mq_rpub *p, const mq_message *m);
void mq_remote_flush(mq_rpub *p); /* sends what was gathered; also happens at the end of the turn */
void mq_remote_publisher_close(mq_rpub *p, sl_fn done, void *arg);
#endif
