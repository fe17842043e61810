/* SPDX-License-Identifier: Apache-2.0 */
/* Offer constraints: which agents a framework wants to hear of at all (offer_constraints_filter.cpp).
 *
 * Mesos matches with RE2, which is linear in the text, and limits its memory and its program. PCRE2 has the same syntax
 * but for what is refused here (back references, look-around, repetitions beyond 1,000), and backtracks: a match that
 * takes many steps is given up and done again by PCRE2's other algorithm, which follows all alternatives at once. What
 * is too large for that as well counts as no match, so that no match takes more than some milliseconds. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "allocator/internal.h"

enum {
    BYTES_OF_AN_INSTRUCTION = 4, /* of PCRE2's code: what one of RE2's instructions takes, about */
    MOST_REPETITIONS = 1000,
    MOST_MATCH_STEPS = 2000, /* of backtracking: some 20 us */
    MOST_MATCH_DEPTH = 1000,
    /* What matches in parallel takes up to text times states squared. */
    MOST_SLOW_TEXT_BYTES = 1024,
    SLOW_WORKSPACE = 20 + 2 * 3 * 128, /* of 128 states */
    /* In steps of a round. */
    STEPS_OF_A_VERDICT = 4,
    STEPS_OF_A_SLOW_MATCH = ALLOCATOR_SLICE_STEPS,
};

enum predicate { EXISTS, NOT_EXISTS, TEXT_EQUALS, TEXT_NOT_EQUALS, TEXT_MATCHES, TEXT_NOT_MATCHES };

enum selector { ATTRIBUTE, HOSTNAME, REGION, ZONE };

struct constraint {
    enum selector selector;
    char *attribute; /* if it is ATTRIBUTE */
    enum predicate predicate;
    char *text;
    pcre2_code *regex;
};

/* All must hold. */
struct constraint_group {
    struct constraint *constraints;
    size_t count;
};

/* One must hold. */
struct constraint_groups {
    char *role;
    struct constraint_group *groups;
    size_t count;
};

struct offer_constraints {
    struct constraint_groups *roles;
    size_t count;
};

const struct offer_constraints_limits offer_constraints_default_limits = {4096, 100};

/* Compiling */

/* What follows "(?" in look-around, conditions, recursion, callouts, comments, atomic and branch-reset groups. */
static bool is_foreign_group(const char *after) {
    if (after[0] == '<')
        return after[1] == '=' || after[1] == '!';
    if (after[0] == '-' && after[1] >= 'a' && after[1] <= 'z') /* flags that are taken back */
        return false;
    return after[0] != '\0' && strchr("=!>|(R&+-#0123456789", after[0]) != NULL;
}

/* The end of the character class that begins at @c: its ']', or the NUL if it has none. */
static const char *skip_class(const char *c) {
    c += c[1] == '^' ? 2 : 1;
    if (*c == ']')
        c++;
    while (*c != '\0' && *c != ']')
        c += *c == '\\' && c[1] != '\0' ? 2 : 1;
    return c;
}

/* Whether what follows '{' repeats more often than RE2 allows. */
static bool is_too_many(const char *after) {
    for (int i = 0; i < 2 && *after != ','; i++) {
        unsigned long count = 0;

        for (; *after >= '0' && *after <= '9'; after++)
            count = count > MOST_REPETITIONS ? count : count * 10 + (unsigned long)(*after - '0');
        if (count > MOST_REPETITIONS)
            return true;
        if (*after != ',')
            return false;
        after++;
    }
    return false;
}

/* Whether @regex uses what RE2 does not have, so that it would be refused there. */
static bool has_foreign_syntax(const char *regex) {
    for (const char *c = regex; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
            if ((*c >= '1' && *c <= '9') || strchr("gkGKZXR", *c) != NULL)
                return true;
        } else if (*c == '[') {
            c = skip_class(c);
            if (*c == '\0')
                return false;
        } else if (*c == '(') {
            if (c[1] == '*' || (c[1] == '?' && is_foreign_group(c + 2)))
                return true;
        } else if (*c == '{' && is_too_many(c + 1)) {
            return true;
        } else if (strchr("*+?}", *c) != NULL && c[1] == '+') {
            return true;
        }
    }
    return false;
}

/* What compiling one pattern may allocate, and so what it may keep. */
struct budget {
    size_t left;
};

static void *allocate_within(size_t size, void *user) {
    struct budget *budget = user;

    if (size > budget->left)
        return NULL;
    budget->left -= size;
    return xmalloc(size);
}

static void release(void *pointer, void *user) {
    (void)user; /* long gone when a pattern is freed */
    free(pointer);
}

/* Compile @regex with @most_bytes of memory for its code; what is too large ends with PCRE2_ERROR_HEAP_FAILED. */
static pcre2_code *compile_within(const char *regex, size_t most_bytes, int *ret_number) {
    struct budget budget = {SIZE_MAX};
    pcre2_general_context *memory = pcre2_general_context_create(allocate_within, release, &budget);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    PCRE2_SIZE offset;
    pcre2_code *code;

    pcre2_set_max_pattern_length(context, most_bytes);
    budget.left = most_bytes;
    code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C |
                             PCRE2_DOLLAR_ENDONLY,
                         ret_number, &offset, context);
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
    return code;
}

static size_t size_of(const pcre2_code *code) {
    size_t size = 0;

    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    return size;
}

/* How many instructions RE2 would have for it, about. */
static int64_t program_size(const pcre2_code *code) {
    int number;
    pcre2_code *empty = compile_within("", SIZE_MAX, &number);
    size_t size = size_of(code) - size_of(empty);

    pcre2_code_free(empty);
    return (int64_t)(size / BYTES_OF_AN_INSTRUCTION) + 1;
}

static bool is_too_large(int number) {
    return number == PCRE2_ERROR_HEAP_FAILED || number == PCRE2_ERROR_PATTERN_TOO_LARGE ||
           number == PCRE2_ERROR_PATTERN_STRING_TOO_LONG || number == PCRE2_ERROR_PATTERN_TOO_COMPLICATED;
}

static int compile(const char *regex, const struct offer_constraints_limits *limits, pcre2_code **ret,
                   struct error *err) {
    pcre2_code *code;
    int number;

    if (has_foreign_syntax(regex))
        return error_set(err, 0, "Failed to construct regex from pattern '%s': unsupported syntax", regex);
    code = compile_within(regex, limits->max_regex_bytes, &number);
    if (code == NULL) {
        PCRE2_UCHAR message[128] = "pattern too large - compile failed";

        if (!is_too_large(number))
            pcre2_get_error_message(number, message, sizeof(message));
        return error_set(err, 0, "Failed to construct regex from pattern '%s': %s", regex, (char *)message);
    }
    if (program_size(code) > limits->max_program_size) {
        error_set(err, 0,
                  "Regex '%s' is too complex: program size of %" PRId64 " is larger than maximum of %" PRId64
                  " allowed",
                  regex, program_size(code), limits->max_program_size);
        pcre2_code_free(code);
        return -1;
    }
    *ret = code;
    return 0;
}

static int set_selector(const Mesos__V1__Scheduler__AttributeConstraint__Selector *from, struct constraint *constraint,
                        struct error *err) {
    switch (from->selector_case) {
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME:
        constraint->selector = ATTRIBUTE;
        constraint->attribute = xstrdup(from->attribute_name);
        return 0;
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE:
        switch (from->pseudoattribute_type) {
        case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME:
            constraint->selector = HOSTNAME;
            return 0;
        case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__REGION:
            constraint->selector = REGION;
            return 0;
        case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__ZONE:
            constraint->selector = ZONE;
            return 0;
        default:
            return error_set(err, 0, "Unknown pseudoattribute type");
        }
    default:
        return error_set(err, 0,
                         "Exactly one of 'AttributeConstraint::Selector::name' or "
                         "'AttributeConstraint::Selector::pseudoattribute_type' must be set");
    }
}

static int set_predicate(const Mesos__V1__Scheduler__AttributeConstraint__Predicate *from,
                         const struct offer_constraints_limits *limits, struct constraint *constraint,
                         struct error *err) {
    switch (from->predicate_case) {
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_EXISTS:
        constraint->predicate = EXISTS;
        return 0;
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_NOT_EXISTS:
        constraint->predicate = NOT_EXISTS;
        return 0;
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS:
        constraint->predicate = TEXT_EQUALS;
        constraint->text = xstrdup(from->text_equals->value);
        return 0;
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS:
        constraint->predicate = TEXT_NOT_EQUALS;
        constraint->text = xstrdup(from->text_not_equals->value);
        return 0;
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES:
        constraint->predicate = TEXT_MATCHES;
        return compile(from->text_matches->regex, limits, &constraint->regex, err);
    case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES:
        constraint->predicate = TEXT_NOT_MATCHES;
        return compile(from->text_not_matches->regex, limits, &constraint->regex, err);
    default:
        return error_set(err, 0, "Unknown predicate type");
    }
}

static int set_group(const Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group *from, const char *role,
                     const struct offer_constraints_limits *limits, struct constraint_group *group, struct error *err) {
    if (from->n_attribute_constraints == 0)
        return error_set(err, 0,
                         "'OfferConstraints::RoleConstraints::groups' for role %scontains an empty "
                         "RoleConstraints::Group",
                         role);
    group->constraints = xcalloc(from->n_attribute_constraints, sizeof(group->constraints[0]));
    for (size_t i = 0; i < from->n_attribute_constraints; i++) {
        const Mesos__V1__Scheduler__AttributeConstraint *constraint = from->attribute_constraints[i];

        group->count++;
        if (set_selector(constraint->selector, &group->constraints[i], err) < 0 ||
            set_predicate(constraint->predicate, limits, &group->constraints[i], err) < 0)
            return error_wrap(err, "A role %s has an invalid 'AttributeConstraint'", role);
    }
    return 0;
}

static int set_role(const Mesos__V1__Scheduler__OfferConstraints__RoleConstraintsEntry *from,
                    const struct offer_constraints_limits *limits, struct constraint_groups *groups,
                    struct error *err) {
    const char *role = from->key == NULL ? "" : from->key;
    size_t count = from->value == NULL ? 0 : from->value->n_groups;

    groups->role = xstrdup(role);
    if (count == 0)
        return error_set(
            err, 0, "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role %s", role);
    groups->groups = xcalloc(count, sizeof(groups->groups[0]));
    for (size_t i = 0; i < count; i++) {
        groups->count++;
        if (set_group(from->value->groups[i], role, limits, &groups->groups[i], err) < 0)
            return -1;
    }
    return 0;
}

void offer_constraints_free(struct offer_constraints *constraints) {
    if (constraints == NULL)
        return;
    for (size_t i = 0; i < constraints->count; i++) {
        struct constraint_groups *groups = &constraints->roles[i];

        for (size_t j = 0; j < groups->count; j++) {
            for (size_t k = 0; k < groups->groups[j].count; k++) {
                free(groups->groups[j].constraints[k].attribute);
                free(groups->groups[j].constraints[k].text);
                pcre2_code_free(groups->groups[j].constraints[k].regex);
            }
            free(groups->groups[j].constraints);
        }
        free(groups->groups);
        free(groups->role);
    }
    free(constraints->roles);
    free(constraints);
}

int offer_constraints_new(const Mesos__V1__Scheduler__OfferConstraints *message,
                          const struct offer_constraints_limits *limits, struct offer_constraints **ret,
                          struct error *err) {
    struct offer_constraints *constraints;

    if (message == NULL) {
        *ret = NULL;
        return 0;
    }
    constraints = new0(struct offer_constraints);
    constraints->roles = xcalloc(message->n_role_constraints + 1, sizeof(constraints->roles[0]));
    for (size_t i = 0; i < message->n_role_constraints; i++) {
        constraints->count++;
        if (set_role(message->role_constraints[i], limits, &constraints->roles[i], err) < 0) {
            offer_constraints_free(constraints);
            return -1;
        }
    }
    *ret = constraints;
    return 0;
}

/* Asking */

const struct constraint_groups *allocator_offer_constraints_find(const struct offer_constraints *constraints,
                                                                 const char *role) {
    for (size_t i = 0; constraints != NULL && i < constraints->count; i++)
        if (strcmp(constraints->roles[i].role, role) == 0)
            return &constraints->roles[i];
    return NULL;
}

/* All alternatives at once, in bounded memory. */
static bool is_match_in_parallel(const pcre2_code *regex, const char *text, size_t size, pcre2_match_data *match) {
    int workspace[SLOW_WORKSPACE];

    if (size > MOST_SLOW_TEXT_BYTES)
        return false;
    /* A result of 0 is a match, too: there is only room for one of its ends. */
    return pcre2_dfa_match(regex, (PCRE2_SPTR)text, size, 0, PCRE2_DFA_SHORTEST, match, NULL, workspace,
                           SLOW_WORKSPACE) >= 0;
}

/* @steps is increased by what is out of the ordinary. */
static bool is_match(const pcre2_code *regex, const char *text, size_t *steps) {
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    size_t size = strlen(text);
    int result;
    bool is_one;

    pcre2_set_match_limit(context, MOST_MATCH_STEPS);
    pcre2_set_depth_limit(context, MOST_MATCH_DEPTH);
    result = pcre2_match(regex, (PCRE2_SPTR)text, size, 0, 0, match, context);
    is_one = result >= 0;
    if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT || result == PCRE2_ERROR_HEAPLIMIT) {
        is_one = is_match_in_parallel(regex, text, size, match);
        *steps += STEPS_OF_A_SLOW_MATCH;
    }
    pcre2_match_data_free(match);
    pcre2_match_context_free(context);
    return is_one;
}

/* @text NULL: there is no such attribute. */
static bool holds_for_text(const struct constraint *constraint, const char *text, size_t *steps) {
    switch (constraint->predicate) {
    case EXISTS:
        return text != NULL;
    case NOT_EXISTS:
        return text == NULL;
    case TEXT_EQUALS:
        return text != NULL && strcmp(text, constraint->text) == 0;
    case TEXT_NOT_EQUALS:
        return text == NULL || strcmp(text, constraint->text) != 0;
    case TEXT_MATCHES:
        return text != NULL && is_match(constraint->regex, text, steps);
    default:
        return text == NULL || !is_match(constraint->regex, text, steps);
    }
}

static bool holds_for_attribute(const struct constraint *constraint, const struct agent *agent, size_t *steps) {
    for (size_t i = 0; i < agent->attribute_count; i++) {
        const Mesos__V1__Attribute *attribute = agent->attributes[i];

        if (strcmp(attribute->name, constraint->attribute) != 0)
            continue;
        if (attribute->type == MESOS__V1__VALUE__TYPE__TEXT && attribute->text != NULL)
            return holds_for_text(constraint, attribute->text->value, steps);
        /* Text predicates hold for every attribute that is not text. */
        return constraint->predicate != NOT_EXISTS;
    }
    return holds_for_text(constraint, NULL, steps);
}

static bool holds(const struct constraint *constraint, const struct agent *agent, size_t *steps) {
    switch (constraint->selector) {
    case ATTRIBUTE:
        return holds_for_attribute(constraint, agent, steps);
    case HOSTNAME:
        return holds_for_text(constraint, agent->hostname, steps);
    case REGION:
        return holds_for_text(constraint, agent->region, steps);
    default:
        return holds_for_text(constraint, agent->zone, steps);
    }
}

bool allocator_constraints_exclude(const struct constraint_groups *groups, const struct agent *agent, size_t *steps) {
    for (size_t i = 0; i < groups->count; i++) {
        size_t j = 0;

        for (; j < groups->groups[i].count && holds(&groups->groups[i].constraints[j], agent, steps); j++)
            *steps += STEPS_OF_A_VERDICT;
        if (j == groups->groups[i].count)
            return false;
    }
    return true;
}

enum { VERDICT_UNKNOWN = 0, VERDICT_WANTED = 1, VERDICT_EXCLUDED = 2 };

bool allocator_client_excludes(struct allocator *allocator, struct client *client, const struct agent *agent) {
    if (agent->index >= client->verdict_count) {
        size_t count = agent->index + 64;

        client->verdicts = xrealloc(client->verdicts, count);
        memset(client->verdicts + client->verdict_count, VERDICT_UNKNOWN, count - client->verdict_count);
        client->verdict_count = count;
    }
    if (client->verdicts[agent->index] == VERDICT_UNKNOWN)
        client->verdicts[agent->index] = allocator_constraints_exclude(client->constraints, agent, &allocator->steps)
                                             ? VERDICT_EXCLUDED
                                             : VERDICT_WANTED;
    return client->verdicts[agent->index] == VERDICT_EXCLUDED;
}
