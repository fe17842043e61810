/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "allocator/internal.h"
#include "allocator/test_world.h"

#include <cmocka.h>

#define PREDICATE(name) MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_##name

/* Constraints of one predicate about one attribute (or, if it is NULL, the host name), for role "r". */
struct one_constraint {
    Mesos__V1__Scheduler__OfferConstraints message;
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraintsEntry entry, *entries[1];
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraints role;
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group group, *groups[1];
    Mesos__V1__Scheduler__AttributeConstraint constraint, *constraints[1];
    Mesos__V1__Scheduler__AttributeConstraint__Selector selector;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate predicate;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__Exists exists;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__NotExists not_exists;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextEquals equals;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextNotEquals not_equals;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextMatches matches;
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextNotMatches not_matches;
};

static void init_parts(struct one_constraint *c) {
    mesos__v1__scheduler__offer_constraints__init(&c->message);
    mesos__v1__scheduler__offer_constraints__role_constraints_entry__init(&c->entry);
    mesos__v1__scheduler__offer_constraints__role_constraints__init(&c->role);
    mesos__v1__scheduler__offer_constraints__role_constraints__group__init(&c->group);
    mesos__v1__scheduler__attribute_constraint__init(&c->constraint);
    mesos__v1__scheduler__attribute_constraint__selector__init(&c->selector);
    mesos__v1__scheduler__attribute_constraint__predicate__init(&c->predicate);
    mesos__v1__scheduler__attribute_constraint__predicate__exists__init(&c->exists);
    mesos__v1__scheduler__attribute_constraint__predicate__not_exists__init(&c->not_exists);
    mesos__v1__scheduler__attribute_constraint__predicate__text_equals__init(&c->equals);
    mesos__v1__scheduler__attribute_constraint__predicate__text_not_equals__init(&c->not_equals);
    mesos__v1__scheduler__attribute_constraint__predicate__text_matches__init(&c->matches);
    mesos__v1__scheduler__attribute_constraint__predicate__text_not_matches__init(&c->not_matches);
}

static void init_constraint(struct one_constraint *c, const char *attribute, int predicate, const char *text) {
    init_parts(c);
    c->entries[0] = &c->entry;
    c->groups[0] = &c->group;
    c->constraints[0] = &c->constraint;
    c->message.role_constraints = c->entries;
    c->message.n_role_constraints = 1;
    c->entry.key = (char *)"r";
    c->entry.value = &c->role;
    c->role.groups = c->groups;
    c->role.n_groups = 1;
    c->group.attribute_constraints = c->constraints;
    c->group.n_attribute_constraints = 1;
    c->constraint.selector = &c->selector;
    c->constraint.predicate = &c->predicate;
    if (attribute != NULL) {
        c->selector.selector_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME;
        c->selector.attribute_name = (char *)attribute;
    } else {
        c->selector.selector_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE;
        c->selector.pseudoattribute_type =
            MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME;
    }
    c->predicate.predicate_case = predicate;
    c->equals.value = c->not_equals.value = c->matches.regex = c->not_matches.regex = (char *)text;
    /* The members share a union. */
    if (predicate == PREDICATE(EXISTS))
        c->predicate.exists = &c->exists;
    else if (predicate == PREDICATE(NOT_EXISTS))
        c->predicate.not_exists = &c->not_exists;
    else if (predicate == PREDICATE(TEXT_EQUALS))
        c->predicate.text_equals = &c->equals;
    else if (predicate == PREDICATE(TEXT_NOT_EQUALS))
        c->predicate.text_not_equals = &c->not_equals;
    else if (predicate == PREDICATE(TEXT_MATCHES))
        c->predicate.text_matches = &c->matches;
    else
        c->predicate.text_not_matches = &c->not_matches;
}

/* Whether an agent on host "node7" with rack:r1 and level:5 is wanted. */
static bool is_wanted(const char *attribute, int predicate, const char *text) {
    Mesos__V1__Attribute rack = MESOS__V1__ATTRIBUTE__INIT, level = MESOS__V1__ATTRIBUTE__INIT;
    Mesos__V1__Attribute *attributes[] = {&rack, &level};
    Mesos__V1__Value__Text value = MESOS__V1__VALUE__TEXT__INIT;
    struct agent agent = {.hostname = (char *)"node7", .attributes = attributes, .attribute_count = 2};
    struct offer_constraints *constraints;
    struct one_constraint one;
    struct error err = ERROR_INIT;
    size_t steps = 0;
    bool is_excluded;

    rack.name = (char *)"rack";
    rack.type = MESOS__V1__VALUE__TYPE__TEXT;
    rack.text = &value;
    value.value = (char *)"r1";
    level.name = (char *)"level";
    level.type = MESOS__V1__VALUE__TYPE__SCALAR;
    init_constraint(&one, attribute, predicate, text);
    if (offer_constraints_new(&one.message, &offer_constraints_default_limits, &constraints, &err) < 0)
        fail_msg("%s", error_message(&err));
    is_excluded = allocator_constraints_exclude(allocator_offer_constraints_find(constraints, "r"), &agent, &steps);
    assert_null(allocator_offer_constraints_find(constraints, "other"));
    offer_constraints_free(constraints);
    return !is_excluded;
}

static void predicates_hold_as_in_mesos(void **state) {
    (void)state;
    assert_true(is_wanted("rack", PREDICATE(EXISTS), ""));
    assert_false(is_wanted("zone", PREDICATE(EXISTS), ""));
    assert_true(is_wanted("zone", PREDICATE(NOT_EXISTS), ""));
    assert_false(is_wanted("level", PREDICATE(NOT_EXISTS), ""));
    assert_true(is_wanted("rack", PREDICATE(TEXT_EQUALS), "r1"));
    assert_false(is_wanted("rack", PREDICATE(TEXT_EQUALS), "r"));
    assert_false(is_wanted("zone", PREDICATE(TEXT_EQUALS), "r1"));
    assert_true(is_wanted("zone", PREDICATE(TEXT_NOT_EQUALS), "r1"));
    /* What is not text satisfies every predicate about text. */
    assert_true(is_wanted("level", PREDICATE(TEXT_EQUALS), "x"));
    assert_true(is_wanted("level", PREDICATE(TEXT_NOT_MATCHES), ".*"));
    assert_true(is_wanted(NULL, PREDICATE(TEXT_EQUALS), "node7"));
}

static void patterns_match_the_whole_text(void **state) {
    (void)state;
    assert_true(is_wanted("rack", PREDICATE(TEXT_MATCHES), "r[0-9]+"));
    assert_false(is_wanted("rack", PREDICATE(TEXT_MATCHES), "r"));
    assert_false(is_wanted("rack", PREDICATE(TEXT_MATCHES), "1"));
    assert_false(is_wanted("rack", PREDICATE(TEXT_NOT_MATCHES), "r1|r2"));
    assert_true(is_wanted(NULL, PREDICATE(TEXT_MATCHES), "node([0-9]|x)"));
    assert_true(is_wanted(NULL, PREDICATE(TEXT_MATCHES), "(?i)NODE7"));
}

static void assert_refused(const char *regex) {
    struct offer_constraints *constraints;
    struct one_constraint one;
    cleanup_error struct error err = ERROR_INIT;

    init_constraint(&one, "rack", PREDICATE(TEXT_MATCHES), regex);
    if (offer_constraints_new(&one.message, &offer_constraints_default_limits, &constraints, &err) == 0)
        fail_msg("%s is taken", regex);
    assert_non_null(strstr(error_message(&err), "A role r has an invalid 'AttributeConstraint'"));
}

static int compile_with(const char *regex, size_t max_bytes, int64_t max_program_size, struct error *err) {
    const struct offer_constraints_limits limits = {max_bytes, max_program_size};
    struct offer_constraints *constraints = NULL;
    struct one_constraint one;
    int status;

    init_constraint(&one, "rack", PREDICATE(TEXT_NOT_MATCHES), regex);
    status = offer_constraints_new(&one.message, &limits, &constraints, err);
    offer_constraints_free(constraints);
    return status;
}

/* As RegexTooComplex in offer_constraints_filter_tests.cpp. */
static void size_and_memory_of_patterns_are_limited(void **state) {
    cleanup_error struct error err = ERROR_INIT;
    cleanup_free char *long_text = xmalloc(1 << 20);

    (void)state;
    assert_int_equal(compile_with("(a+){10}", 4096, 100, &err), 0);
    assert_int_equal(compile_with("(a+){50}", 4096, 100, &err), -1);
    assert_non_null(strstr(error_message(&err), "Regex '(a+){50}' is too complex: program size of 126 is larger than "
                                                "maximum of 100 allowed"));
    assert_int_equal(compile_with("(a+){50}", 4096, 126, &err), 0);
    assert_int_equal(compile_with("(a+){500}", 4096, 100, &err), -1);
    assert_non_null(strstr(error_message(&err), "Failed to construct regex from pattern '(a+){500}': pattern too large "
                                                "- compile failed"));
    assert_int_equal(compile_with("(a+){500}", 4096, 100000, &err), -1);
    assert_int_equal(compile_with("(a+){500}", 100000, 100000, &err), 0);
    memset(long_text, 'a', (1 << 20) - 1);
    long_text[(1 << 20) - 1] = '\0';
    assert_int_equal(compile_with(long_text, 4096, 1 << 30, &err), -1);
    assert_int_equal(compile_with("a", 1, 100, &err), -1);
    assert_int_equal(compile_with("a{1,1000}", 4096, 100, &err), 0);
    assert_int_equal(compile_with("a{1001}", 4096, 100, &err), -1);
    assert_int_equal(compile_with("a{2,1001}", 4096, 100, &err), -1);
    assert_int_equal(compile_with("a{,9999999999999999999999}", 4096, 100, &err), 0); /* plain text, as in RE2 */
}

static void patterns_beyond_the_limits_are_refused(void **state) {
    (void)state;
    assert_refused("((a{1,100}){1,100}){1,100}");
    assert_refused("(a");
    assert_refused("[a");
    assert_refused("a**");
    assert_refused("(a)\\1");
    assert_refused("(?=a)b");
    assert_refused("(?<!a)b");
    assert_refused("a++");
    assert_refused("(?>a)");
    assert_refused("(*COMMIT)a");
}

/* Whether the pattern matches "aaa…" of @length, and how many steps that counts for. */
static bool matches_many(const char *regex, size_t length, size_t *ret_steps) {
    Mesos__V1__Attribute rack = MESOS__V1__ATTRIBUTE__INIT, *attributes[] = {&rack};
    Mesos__V1__Value__Text value = MESOS__V1__VALUE__TEXT__INIT;
    struct agent agent = {.hostname = (char *)"h", .attributes = attributes, .attribute_count = 1};
    struct offer_constraints *constraints;
    struct one_constraint one;
    size_t steps = 0;
    bool is_excluded;

    rack.name = (char *)"rack";
    rack.type = MESOS__V1__VALUE__TYPE__TEXT;
    rack.text = &value;
    value.value = xmalloc(length + 1);
    memset(value.value, 'a', length);
    value.value[length] = '\0';
    init_constraint(&one, "rack", PREDICATE(TEXT_MATCHES), regex);
    assert_int_equal(offer_constraints_new(&one.message, &offer_constraints_default_limits, &constraints, NULL), 0);
    is_excluded = allocator_constraints_exclude(allocator_offer_constraints_find(constraints, "r"), &agent, &steps);
    offer_constraints_free(constraints);
    free(value.value);
    *ret_steps = steps;
    return !is_excluded;
}

/* Each of these would take longer than the universe is old if all ways to match were tried one after the other. */
static void patterns_with_very_many_ways_to_match_end_soon(void **state) {
    size_t plain, steps;

    (void)state;
    assert_true(matches_many("a*", 1000, &plain));
    assert_false(matches_many("(a|aa)*(a|aa)*(a|aa)*[cd]", 1000, &steps));
    assert_true(steps > plain);
    assert_true(matches_many("((a|aa)*(a|aa)*[cd])|(a*)*", 1000, &steps));
    assert_true(matches_many("(x+x+)+y|(a?){30}a{30}", 45, &steps));
    assert_false(matches_many("(a*)*[bc]", 1024, &steps));
    /* What is too long for the second way is no match. */
    assert_false(matches_many("(a|aa)*(a|aa)*(a|aa)*[cd]", 100000, &steps));
    assert_true(steps > plain);
}

static void empty_groups_are_refused(void **state) {
    struct offer_constraints *constraints;
    struct one_constraint one;
    cleanup_error struct error err = ERROR_INIT;

    (void)state;
    init_constraint(&one, "rack", PREDICATE(EXISTS), "");
    one.group.n_attribute_constraints = 0;
    assert_int_equal(offer_constraints_new(&one.message, &offer_constraints_default_limits, &constraints, &err), -1);
    one.role.n_groups = 0;
    assert_int_equal(offer_constraints_new(&one.message, &offer_constraints_default_limits, &constraints, &err), -1);
    assert_int_equal(offer_constraints_new(NULL, &offer_constraints_default_limits, &constraints, &err), 0);
    assert_null(constraints);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicates_hold_as_in_mesos),
        cmocka_unit_test(patterns_match_the_whole_text),
        cmocka_unit_test(size_and_memory_of_patterns_are_limited),
        cmocka_unit_test(patterns_beyond_the_limits_are_refused),
        cmocka_unit_test(patterns_with_very_many_ways_to_match_end_soon),
        cmocka_unit_test(empty_groups_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
