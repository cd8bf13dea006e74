"""Operations that test and measure the backend itself."""
