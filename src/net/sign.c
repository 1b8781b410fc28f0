/* Signatures: the way to the module. */
#include "net/sign.h"
#include "net/tls.h"
#include "os/module.h"

sl_err *sl_rsa_check(sl_str pem, const char *alg, sl_str text, sl_str sig) {
    void *p;
    SL_TRY(sl_err_prefix(sl_module_load("openssl", "sl_rsa_check_openssl", &p), "signatures"));
    return (*(const sl_rsa_check_fn *)p)(pem, alg, text, sig);
}
