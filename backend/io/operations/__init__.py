"""Operations on files: movies."""
