select {{ exceptions.raise_compiler_error('on purpose') if execute else 1 }} as id
