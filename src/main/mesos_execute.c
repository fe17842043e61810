/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/execute.h"

int main(int argc, char **argv) {
    return execute_main(argc, argv);
}
