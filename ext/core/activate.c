#include "activate.h"

#include "activate_sets.h"
#include "base/cpu.h"

typedef struct description {
    const char *name;
    struct {
        const char *name;
        float preset;
    } parameter[3];
} description;

static const description descriptions[] = {
#define XX(id, name, p0, d0, p1, d1, p2, d2) [SRV_ACTIVATION_##id] = {name, {{p0, d0}, {p1, d1}, {p2, d2}}},
    SRV_ACTIVATION_MAP(XX)
#undef XX
};

#define DESCRIPTIONS (sizeof descriptions / sizeof *descriptions)

const char *srv_activation_name(srv_activation_id id) {
    return descriptions[id].name;
}

bool srv_activation_find(const char *name, srv_activation_id *out) {
    for (size_t id = 0; id < DESCRIPTIONS; id++) {
        if (strcmp(descriptions[id].name, name) == 0) {
            *out = (srv_activation_id)id;
            return true;
        }
    }
    return false;
}

const char *srv_activation_parameter(srv_activation_id id, int i, float *default_value) {
    if (i < 0 || i > 2 || descriptions[id].parameter[i].name == NULL) {
        return NULL;
    }
    *default_value = descriptions[id].parameter[i].preset;
    return descriptions[id].parameter[i].name;
}

bool srv_activation_is_rowwise(srv_activation_id id) {
    return id == SRV_ACTIVATION_SOFTMAX || id == SRV_ACTIVATION_LOG_SOFTMAX || id == SRV_ACTIVATION_SOFTMIN ||
           id == SRV_ACTIVATION_SPARSEMAX;
}

const srv_activation_kernels *const *srv_activation_kernels_all(size_t *count) {
#if defined(__x86_64__)
    static const srv_activation_kernels *const sets[] = {&srv__activation_generic, &srv__activation_avx2,
                                                         &srv__activation_avx512};
    *count = srv_cpu_has_avx512() ? 3 : srv_cpu_has_avx2() ? 2 : 1;
#elif defined(__aarch64__)
    static const srv_activation_kernels *const sets[] = {&srv__activation_generic, &srv__activation_neon};
    *count = 2;
#else
    static const srv_activation_kernels *const sets[] = {&srv__activation_generic};
    *count = 1;
#endif
    return sets;
}

const srv_activation_kernels *srv_activation_kernels_for_cpu(void) {
    size_t count;
    const srv_activation_kernels *const *sets = srv_activation_kernels_all(&count);
    return sets[count - 1];
}
