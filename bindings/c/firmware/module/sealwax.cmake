# SPDX-License-Identifier: MIT OR Apache-2.0
# include(sealwax.cmake); target_link_libraries(firmware PRIVATE sealwax)
# Set SEALWAX_TARGET where the processor does not tell it: the name of a folder below lib/.
if(NOT SEALWAX_TARGET)
  if(CONFIG_CPU_CORTEX_M0 OR CONFIG_CPU_CORTEX_M0PLUS)
    set(SEALWAX_TARGET thumbv6m-none-eabi)
  elseif((CONFIG_CPU_CORTEX_M4 OR CONFIG_CPU_CORTEX_M7) AND CONFIG_FP_HARDABI)
    set(SEALWAX_TARGET thumbv7em-none-eabihf)
  elseif(CONFIG_RISCV AND NOT CONFIG_64BIT AND CONFIG_RISCV_ISA_EXT_A AND CONFIG_RISCV_ISA_EXT_C)
    set(SEALWAX_TARGET riscv32imac-unknown-none-elf)
  else()
    message(FATAL_ERROR "sealwax: set SEALWAX_TARGET to a folder below ${CMAKE_CURRENT_LIST_DIR}/lib")
  endif()
endif()
add_library(sealwax STATIC IMPORTED GLOBAL)
set_target_properties(sealwax PROPERTIES
  IMPORTED_LOCATION ${CMAKE_CURRENT_LIST_DIR}/lib/${SEALWAX_TARGET}/libsealwax.a
  INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}/include)
